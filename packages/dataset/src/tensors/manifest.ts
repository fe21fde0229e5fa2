import { AceError, writeFileAtomic } from "@acewright/core-native";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { mostRepeats } from "../dataset-file/repeats.js";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A plain name beside the manifest: no separator of any system, so it cannot lead elsewhere. */
const fileName = z.string().regex(/^[^/\\:\0]+\.safetensors$/);

/** One song in a folder of tensors. */
export const ManifestSample = z.object({
  id: z.string(),
  file: fileName,
  /** Of the whole file. */
  sha256,
  frames: z.int().positive(),
  /** Condition tokens, one per caption variant. */
  tokens: z.array(z.int().positive()).min(1),
  caption: z.string(),
  audioPath: z.string(),
  /** How often the song stands in one epoch: its `repeat` in dataset.json. */
  repeats: z.int().min(1).max(mostRepeats).default(1),
});
export type ManifestSample = z.infer<typeof ManifestSample>;

/** What a folder of tensors holds. */
export const Manifest = z.object({
  format: z.literal("acewright.tensors"),
  version: z.literal(1),
  model: z.object({ name: z.string(), fingerprint: z.string() }),
  conditioning: z.enum(["inference", "official"]),
  /** Latent channels and width of a condition token. */
  channels: z.int().positive(),
  width: z.int().positive(),
  /** Stands for the context of every sample that has none of its own: [frames, channels]. */
  silence: z.object({ file: fileName, sha256 }),
  /** The dataset's metadata, as dataset.json has it. */
  dataset: z.record(z.string(), z.unknown()),
  samples: z.array(ManifestSample),
});
export type Manifest = z.infer<typeof Manifest>;

const manifestName = "manifest.json";
const maxBytes = 256_000_000;

/** Undefined when the folder has none. @throws {AceError} ERR_FILE when it is damaged. */
export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, manifestName);
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    if (statSync(path).size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AceError(
      "ERR_FILE",
      `${path}: cannot be read as JSON (${(cause as Error).message}); preprocess again`,
      { cause },
    );
  }
  const result = Manifest.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new AceError(
    "ERR_FILE",
    `${path}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}; preprocess again`,
  );
}

export function writeManifest(folder: string, manifest: Manifest): void {
  writeFileAtomic(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}
