import { AceError, readSafetensors, toFloat32 } from "@acewright/core-native";
import { join, resolve } from "node:path";
import { fileSha256 } from "../fingerprint.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { silenceContext } from "../torch-file/silence-latent.js";
import type { Manifest, ManifestSample } from "./manifest.js";
import { readManifest } from "./manifest.js";
import type { TensorMetadata } from "./tensor-file.js";
import { readTensorFile } from "./tensor-file.js";

/** One song, ready for the trainer. */
export interface TensorSample {
  readonly id: string;
  readonly frames: number;
  /** [frames, 64]. */
  readonly latents: Float32Array;
  /** One per caption variant: [tokens, width]. */
  readonly conditions: readonly Float32Array[];
  /** [frames, 128]: source latents and mask. */
  readonly contextLatents: Float32Array;
  readonly metadata: TensorMetadata;
}

/** A folder of preprocessed songs; files are read and checked when they are asked for. */
export interface TensorFolder {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly samples: readonly ManifestSample[];
  /** @throws {AceError} ERR_FILE when the file is missing, damaged, or not the one the manifest lists. */
  read(sample: ManifestSample | string): Promise<TensorSample>;
}

/**
 * Opens what `preprocess` wrote.
 *
 * @throws {AceError} ERR_FILE when there is no manifest, it is damaged, or it lists no song.
 */
export async function openTensors(path: string): Promise<TensorFolder> {
  const folder = resolve(path);
  const manifest = readManifest(folder);
  if (manifest === undefined)
    throw new AceError("ERR_FILE", `${folder}: holds no manifest.json; make tensors with preprocess`);
  if (manifest.samples.length === 0)
    throw new AceError("ERR_FILE", `${folder}: its manifest.json lists no song; preprocess again`);
  const silence = await readSilence(folder, manifest);
  return {
    folder,
    manifest,
    samples: manifest.samples,
    async read(wanted) {
      const sample = typeof wanted === "string" ? manifest.samples.find(({ id }) => id === wanted) : wanted;
      if (sample === undefined)
        throw new AceError("ERR_FILE", `${folder}: has no song ${JSON.stringify(wanted)}`);
      return await readSample(folder, manifest, sample, silence);
    },
  };
}

async function readSample(
  folder: string,
  manifest: Manifest,
  sample: ManifestSample,
  silence: SilenceLatent,
): Promise<TensorSample> {
  const path = join(folder, sample.file);
  await checkSha256(path, sample.sha256);
  const { content, metadata } = readTensorFile(path);
  const { frames, channels, width, conditions, latents } = content;
  const tokens = conditions.map((condition) => condition.length / width);
  if (
    channels !== manifest.channels ||
    width !== manifest.width ||
    frames !== sample.frames ||
    tokens.join() !== sample.tokens.join()
  ) {
    throw new AceError(
      "ERR_FILE",
      `${path}: ${frames} frames of ${channels} and ${tokens.join(", ")} tokens of ${width}, manifest.json says ` +
        `${sample.frames} of ${manifest.channels} and ${sample.tokens.join(", ")} of ${manifest.width}; preprocess again`,
    );
  }
  const contextLatents = content.contextLatents ?? silenceContext(silence, frames);
  return { id: sample.id, frames, latents, conditions, contextLatents, metadata };
}

async function readSilence(folder: string, manifest: Manifest): Promise<SilenceLatent> {
  const path = join(folder, manifest.silence.file);
  await checkSha256(path, manifest.silence.sha256);
  const tensor = readSafetensors(path, ["silence_latent"]).tensors["silence_latent"];
  const [frames, channels] = tensor?.shape ?? [];
  if (tensor?.shape.length !== 2 || frames === undefined || frames === 0 || channels !== manifest.channels) {
    throw new AceError("ERR_FILE", `${path}: expected silence_latent [frames, ${manifest.channels}], got [${tensor?.shape.join(", ") ?? ""}]; preprocess again`); // prettier-ignore
  }
  return { latents: toFloat32(tensor), frames, channels };
}

async function checkSha256(path: string, expected: string): Promise<void> {
  let found: string;
  try {
    found = await fileSha256(path);
  } catch (cause) {
    throw new AceError(
      "ERR_FILE",
      `${path}: cannot be read (${(cause as Error).message}); preprocess again`,
      { cause },
    );
  }
  if (found !== expected) {
    throw new AceError(
      "ERR_FILE",
      `${path}: its checksum is not the one in manifest.json: it was changed or damaged; preprocess again`,
    );
  }
}
