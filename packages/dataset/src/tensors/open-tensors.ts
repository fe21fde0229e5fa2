import { AceError, parseSafetensors, toFloat32 } from "@acewright/core-native";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { silenceContext } from "../torch-file/silence-latent.js";
import type { ManifestHead, ManifestSample } from "./manifest.js";
import { readManifest } from "./manifest.js";
import { readSongBytes, sha256Of } from "./song-bytes.js";
import { readIndex } from "./song-index.js";
import type { TensorMetadata } from "./tensor-file.js";
import { parseTensorFile } from "./tensor-file.js";

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

/** A folder of preprocessed songs; songs are read and checked when they are asked for. */
export interface TensorFolder {
  readonly folder: string;
  /** What holds for all songs. */
  readonly manifest: ManifestHead;
  readonly samples: readonly ManifestSample[];
  /** @throws {AceError} ERR_FILE when the song is missing, damaged, or not the one the manifest lists. */
  read(sample: ManifestSample | string): Promise<TensorSample>;
}

export interface OpenTensorsOptions {
  /** When checksums are compared: each song's as it is read, all at opening and again as they are read, or never. */
  readonly checksums?: "read" | "open" | "never";
  readonly signal?: AbortSignal;
}

/**
 * Opens what `preprocess` wrote, whether it is a file a song or shards.
 *
 * @throws {AceError} ERR_FILE when there is no manifest, it is damaged or of an unknown version, it lists no song, or, where asked for, a checksum differs.
 */
export async function openTensors(path: string, options: OpenTensorsOptions = {}): Promise<TensorFolder> {
  const { checksums = "read", signal } = options;
  const folder = resolve(path);
  const stored = readManifest(folder);
  if (stored === undefined)
    throw new AceError(
      "ERR_FILE",
      `${folder}: ${noTensors(folder)}; make tensors with \`acewright preprocess\``,
    );
  const samples = stored.version === 1 ? stored.samples : [...(await readIndex(folder)).samples.values()];
  if (samples.length === 0)
    throw new AceError("ERR_FILE", `${folder}: its manifest.json lists no song; preprocess again`);
  const { format, model, conditioning, channels, width, silence, dataset } = stored;
  const manifest = { format, model, conditioning, channels, width, silence, dataset };
  const silenceLatent = await readSilence(folder, manifest);
  if (checksums === "open") {
    for (const sample of samples) {
      signal?.throwIfAborted();
      await readSongBytes(folder, sample, true);
    }
  }
  let byId: Map<string, ManifestSample> | undefined;
  return {
    folder,
    manifest,
    samples,
    async read(wanted) {
      byId ??= new Map(samples.map((sample) => [sample.id, sample]));
      const sample = typeof wanted === "string" ? byId.get(wanted) : wanted;
      if (sample === undefined)
        throw new AceError("ERR_FILE", `${folder}: has no song ${JSON.stringify(wanted)}`);
      return await readSample(folder, manifest, sample, silenceLatent, checksums !== "never");
    },
  };
}

async function readSample(
  folder: string,
  manifest: ManifestHead,
  sample: ManifestSample,
  silence: SilenceLatent,
  checksum: boolean,
): Promise<TensorSample> {
  const path = join(folder, sample.file);
  const bytes = await readSongBytes(folder, sample, checksum);
  const { content, metadata } = parseTensorFile(path, bytes, checksum);
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
      `${path}: ${frames} frames of ${channels} and ${tokens.join(", ")} tokens of ${width}, the manifest says ` +
        `${sample.frames} of ${manifest.channels} and ${sample.tokens.join(", ")} of ${manifest.width}; preprocess again`,
    );
  }
  const contextLatents = content.contextLatents ?? silenceContext(silence, frames);
  return { id: sample.id, frames, latents, conditions, contextLatents, metadata };
}

/** The silence a folder's contexts stand for. @throws {AceError} ERR_FILE when it is not what the manifest says. */
async function readSilence(folder: string, manifest: ManifestHead): Promise<SilenceLatent> {
  const path = join(folder, manifest.silence.file);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: cannot be read (${(cause as Error).message}); preprocess again`, { cause }); // prettier-ignore
  }
  if (sha256Of([bytes]) !== manifest.silence.sha256) {
    throw new AceError(
      "ERR_FILE",
      `${path}: its checksum is not the one in manifest.json: it was changed or damaged; preprocess again`,
    );
  }
  const tensor = parseSafetensors(path, bytes).tensors["silence_latent"];
  const [frames, channels] = tensor?.shape ?? [];
  if (tensor?.shape.length !== 2 || frames === undefined || frames === 0 || channels !== manifest.channels) {
    throw new AceError("ERR_FILE", `${path}: expected silence_latent [frames, ${manifest.channels}], got [${tensor?.shape.join(", ") ?? ""}]; preprocess again`); // prettier-ignore
  }
  return { latents: toFloat32(tensor), frames, channels };
}

/** Why a path that has no manifest is no folder of tensors. */
function noTensors(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return "does not exist";
  return stats.isDirectory() ? "holds no manifest.json" : "is a file, a folder of tensors was expected";
}
