import type { HostTensor } from "@acewright/core-native";
import {
  AceError,
  fromFloat32,
  parseSafetensors,
  readSafetensors,
  safetensorsChunks,
  toFloat32,
  writeChunksAtomic,
  notJson,
} from "@acewright/core-native";
import { createHash } from "node:crypto";
import { z } from "zod";
import { Wording } from "./wordings.js";

const range = z.tuple([z.int().nonnegative(), z.int().nonnegative()]);

/** Token ranges [from, to) of a condition's parts. */
export const Segments = z.object({ lyrics: range, timbre: range, text: range });
export type Segments = z.infer<typeof Segments>;

/** What a tensor file says of the song it was made of. */
export const TensorMetadata = z.object({
  id: z.string(),
  /** The prompt's fields as the model read them. */
  prompt: z.object({
    captions: z.array(z.string()).min(1),
    lyrics: z.string(),
    bpm: z.number().nullable(),
    timesignature: z.string(),
    keyscale: z.string(),
    language: z.string(),
  }),
  source: z.object({ path: z.string(), sha256: z.string() }),
  /** Seconds of audio behind the latents. */
  durationS: z.number().positive(),
  /** Of a piece of a song: the song's id, where the piece lies in it (seconds), and how its sound was changed. */
  song: z.string().optional(),
  piece: z
    .object({
      chunk: z.object({ startS: z.number().nonnegative(), endS: z.number().positive() }).optional(),
      variant: z
        .object({ name: z.string(), semitones: z.number(), tempo: z.number().positive(), gainDb: z.number() })
        .optional(),
    })
    .optional(),
  /** Gain given to the sound, and by how much the true-peak ceiling kept it below what was asked for, in dB. */
  level: z.object({ gainDb: z.number(), heldBackDb: z.number() }).optional(),
  conditioning: z.enum(["inference", "official"]),
  /** Of the model whose condition encoder was used; the same word as its config. */
  modelFingerprint: z.string(),
  /** What the tensors were made with; equal recipes give equal tensors. */
  recipe: z.record(z.string(), z.unknown()),
  /** What each condition was made of; absent where each is a caption with the lyrics. */
  wordings: z.array(Wording).optional(),
  /** One per condition; none where nobody knows them, as in tensors another trainer made. */
  segments: z.array(Segments),
  /** The song's record of dataset.json, or what another trainer wrote about it, with every key. */
  sample: z.record(z.string(), z.unknown()).optional(),
});
export type TensorMetadata = z.infer<typeof TensorMetadata>;

/** One song as the trainer takes it. */
export interface TensorContent {
  readonly frames: number;
  /** [frames, channels]. */
  readonly latents: Float32Array;
  readonly channels: number;
  /** One per wording of the prompt: [tokens, width]. */
  readonly conditions: readonly Float32Array[];
  /** Values of one condition token. */
  readonly width: number;
  /** [frames, 2 channels]; undefined for plain silence. */
  readonly contextLatents: Float32Array | undefined;
  /** How values are stored; BF16 only where they were bf16 before, so that nothing is lost. F32 by default. */
  readonly dtype?: "F32" | "BF16";
}

const formatName = "acewright.tensors";
const formatVersion = "1";

/** Writes a song's tensors: temporary name, fsync, rename. */
export function writeTensorFile(path: string, content: TensorContent, metadata: TensorMetadata): void {
  writeChunksAtomic(path, tensorChunks(path, content, metadata));
}

/** The bytes of a song's tensor file, in pieces that follow each other; `where` is only named in messages. */
export function tensorChunks(where: string, content: TensorContent, metadata: TensorMetadata): Uint8Array[] {
  const { frames, channels, width, contextLatents, dtype = "F32" } = content;
  const tensors: Record<string, HostTensor> = {
    target_latents: fromFloat32(content.latents, [frames, channels], dtype),
  };
  for (const [i, condition] of content.conditions.entries()) {
    tensors[conditionName(i)] = fromFloat32(condition, [condition.length / width, width], dtype);
  }
  if (contextLatents !== undefined) {
    tensors["context_latents"] = fromFloat32(contextLatents, [frames, 2 * channels], dtype);
  }
  return safetensorsChunks(where, tensors, {
    format: formatName,
    version: formatVersion,
    context: contextLatents === undefined ? "silence" : "stored",
    sha256: tensorsSha256(tensors),
    ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, JSON.stringify(value)])),
  });
}

/**
 * Reads and checks a song's tensors.
 *
 * @throws {AceError} ERR_FILE naming the file and what does not fit: damaged, another format, a wrong dtype or shape,
 *   a value that is not finite.
 */
export function readTensorFile(path: string): TensorFile {
  return checkedSong(path, readSafetensors(path), true);
}

/**
 * {@link readTensorFile} of bytes in memory.
 *
 * @param checksum false: the tensors are not compared with the checksum the file has of them.
 */
export function parseTensorFile(where: string, bytes: Uint8Array, checksum: boolean): TensorFile {
  return checkedSong(where, parseSafetensors(where, bytes), checksum);
}

/** A song's tensors with what they say of it. */
export interface TensorFile {
  readonly content: TensorContent;
  readonly metadata: TensorMetadata;
}

function checkedSong(
  path: string,
  { metadata, tensors }: ReturnType<typeof readSafetensors>,
  checksum: boolean,
): TensorFile {
  if (metadata["format"] !== formatName || metadata["version"] !== formatVersion) {
    throw refuse(path, `it is not a tensor file of version ${formatVersion}`);
  }
  if (checksum && metadata["sha256"] !== tensorsSha256(tensors))
    throw refuse(path, "its tensors do not match their checksum");
  const parsed = parseMetadata(path, metadata);
  const latents = floats(path, "target_latents", tensors["target_latents"]);
  const [frames, channels] = latents.shape;
  const conditions: Float32Array[] = [];
  let width: number | undefined;
  for (let i = 0; tensors[conditionName(i)] !== undefined; i++) {
    const condition = floats(path, conditionName(i), tensors[conditionName(i)]);
    width ??= condition.shape[1];
    if (condition.shape[1] !== width)
      throw refuse(path, `${conditionName(i)} is ${condition.shape[1]} wide, the first ${width}`);
    conditions.push(condition.values);
  }
  if (width === undefined) throw refuse(path, "it has no encoder_hidden_states");
  if (parsed.segments.length > 0 && conditions.length !== parsed.segments.length) {
    throw refuse(
      path,
      `it has ${conditions.length} conditions, its metadata speaks of ${parsed.segments.length}`,
    );
  }
  const context =
    metadata["context"] === "silence"
      ? undefined
      : floats(path, "context_latents", tensors["context_latents"]);
  if (context !== undefined && (context.shape[0] !== frames || context.shape[1] !== 2 * channels)) {
    throw refuse(
      path,
      `context_latents is [${context.shape.join(", ")}], expected [${frames}, ${2 * channels}]`,
    );
  }
  const content = {
    frames,
    channels,
    latents: latents.values,
    conditions,
    width,
    contextLatents: context?.values,
    dtype: tensors["target_latents"]?.dtype === "BF16" ? ("BF16" as const) : ("F32" as const),
  };
  return { content, metadata: parsed };
}

function parseMetadata(path: string, metadata: Readonly<Record<string, string>>): TensorMetadata {
  const fields = Object.entries(metadata).filter(([key]) => Object.hasOwn(TensorMetadata.shape, key));
  let json: unknown;
  try {
    json = Object.fromEntries(fields.map(([key, text]) => [key, JSON.parse(text) as unknown]));
  } catch (cause) {
    throw refuse(path, `its metadata ${notJson(cause)}`, cause);
  }
  const result = TensorMetadata.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw refuse(path, `its metadata: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}`);
}

function floats(
  path: string,
  name: string,
  tensor: HostTensor | undefined,
): { values: Float32Array; shape: readonly [number, number] } {
  if (tensor === undefined) throw refuse(path, `it lacks ${name}`);
  const { dtype, shape } = tensor;
  if (shape.length !== 2 || shape.includes(0) || !["F32", "BF16", "F16"].includes(dtype)) {
    throw refuse(path, `${name} is ${dtype} [${shape.join(", ")}], expected two axes of F32, BF16 or F16`);
  }
  const values = toFloat32(tensor);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1)
    throw refuse(path, `${name} holds ${values[bad]} at row ${Math.floor(bad / (shape[1] as number))}`);
  return { values, shape: shape as unknown as readonly [number, number] };
}

function conditionName(variant: number): string {
  return variant === 0 ? "encoder_hidden_states" : `encoder_hidden_states.${variant}`;
}

function tensorsSha256(tensors: Readonly<Record<string, HostTensor>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name] as HostTensor;
    hash.update(JSON.stringify([name, dtype, shape])).update(data);
  }
  return hash.digest("hex");
}

function refuse(path: string, what: string, cause?: unknown): AceError {
  return new AceError("ERR_FILE", `${path}: ${what}; preprocess the song again`, { cause });
}
