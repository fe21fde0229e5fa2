import { AceError, notJson, writeFileAtomic } from "@acewright/core-native";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { mostRepeats } from "../dataset-file/repeats.js";
import { Wording } from "./wordings.js";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A plain name beside the manifest: no separator of any system, so it cannot lead elsewhere. */
const fileName = z.string().regex(/^[^/\\:\0]+\.safetensors$/);
const shardName = z.string().regex(/^shard-\d{5}\.bin$/);

const songFacts = {
  id: z.string(),
  /** Of the song's whole file, or of its part of a shard: the same bytes. */
  sha256,
  frames: z.int().positive(),
  /** Condition tokens, one per wording of the prompt. */
  tokens: z.array(z.int().positive()).min(1),
  /** What each condition was made of; absent where each is a caption with the lyrics. */
  wordings: z.array(Wording).optional(),
  caption: z.string(),
  audioPath: z.string(),
  /** How often the song stands in one epoch: its `repeat` in dataset.json. */
  repeats: z.int().min(1).max(mostRepeats).default(1),
  /** Of a piece of a song: the song's id, where the piece lies in it (seconds), and the name of its variant. */
  song: z.string().optional(),
  chunk: z.object({ startS: z.number().nonnegative(), endS: z.number().positive() }).optional(),
  variant: z.string().optional(),
};
/** A song that has a file of its own. */
const FileSample = z.object({ ...songFacts, file: fileName });
/** A song that lies in a shard, at these bytes. */
export const ShardSample = z.object({
  ...songFacts,
  file: shardName,
  offset: z.int().nonnegative(),
  bytes: z.int().positive(),
});
export type ShardSample = z.infer<typeof ShardSample>;

/** One song in a folder of tensors. */
export type ManifestSample = z.infer<typeof FileSample> | ShardSample;

const headFacts = {
  format: z.literal("acewright.tensors"),
  model: z.object({ name: z.string(), fingerprint: z.string() }),
  conditioning: z.enum(["inference", "official"]),
  /** Latent channels and width of a condition token. */
  channels: z.int().positive(),
  width: z.int().positive(),
  /** Stands for the context of every sample that has none of its own: [frames, channels]. */
  silence: z.object({ file: fileName, sha256 }),
  /** The dataset's metadata, as dataset.json has it. */
  dataset: z.record(z.string(), z.unknown()),
};
/** What holds for all songs of a folder. */
export type ManifestHead = Omit<Manifest, "version" | "samples" | "index">;

/** What a folder of tensors holds: version 1 lists files, version 2 points to the index of songs in shards. */
export const Manifest = z.discriminatedUnion("version", [
  z.object({ ...headFacts, version: z.literal(1), samples: z.array(FileSample) }),
  z.object({ ...headFacts, version: z.literal(2), index: z.literal("index.jsonl") }),
]);
export type Manifest = z.infer<typeof Manifest>;

const manifestName = "manifest.json";
const maxBytes = 256_000_000;

/** Undefined when the folder has none. @throws {AceError} ERR_FILE when it is damaged or of an unknown version. */
export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, manifestName);
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    if (statSync(path).size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}; preprocess again`, { cause });
  }
  refuseOthers(path, json);
  const result = Manifest.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new AceError(
    "ERR_FILE",
    `${path}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}; preprocess again`,
  );
}

/** A manifest of another program or of a later version is told apart from a damaged one. */
function refuseOthers(path: string, json: unknown): void {
  if (typeof json !== "object" || json === null) return;
  const { format, version, samples } = json as Record<string, unknown>;
  if (format === undefined && Array.isArray(samples)) {
    throw new AceError(
      "ERR_FILE",
      `${path}: is the official trainer's; convert its .pt files with: acewright tensors import`,
    );
  }
  if (format !== "acewright.tensors" || version === 1 || version === 2) return;
  throw new AceError(
    "ERR_FILE",
    `${path}: is of version ${JSON.stringify(version)}, this program reads 1 and 2; update it, or preprocess again`,
  );
}

export function writeManifest(folder: string, manifest: Manifest): void {
  writeFileAtomic(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}
