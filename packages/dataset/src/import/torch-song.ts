import type { HostTensor } from "@acewright/core-native";
import { AceError, toFloat32 } from "@acewright/core-native";
import { songRepeats } from "../dataset-file/repeats.js";
import { Sample } from "../dataset-file/schema.js";
import type { TensorContent, TensorMetadata } from "../tensors/tensor-file.js";
import type { TorchValue } from "../torch-file/read-torch-file.js";

/** Latent frames a second. */
const framesPerSecond = 25;

export interface TorchSong {
  readonly content: TensorContent;
  readonly metadata: TensorMetadata;
  readonly repeats: number;
}

/**
 * One file of the official trainer or Side-Step as a song of ours: padding of the conditions is removed by their mask,
 * values of bf16 stay bf16, and every key of its metadata is kept as `sample`.
 *
 * @param sha256 of the .pt file.
 * @throws {AceError} ERR_FILE naming the file and the key that does not fit.
 */
export function torchSong(
  path: string,
  value: TorchValue,
  names: { readonly id: string; readonly sha256: string; readonly fingerprint: string },
): TorchSong {
  if (!(value instanceof Map)) throw refuse(path, "is no dict of tensors");
  const latents = matrix(path, value, "target_latents");
  const states = matrix(path, value, "encoder_hidden_states");
  const context = matrix(path, value, "context_latents");
  const [frames, channels] = latents.shape;
  const [length, width] = states.shape;
  if (context.shape[0] !== frames || context.shape[1] !== 2 * channels) {
    throw refuse(
      path,
      `context_latents is [${context.shape.join(", ")}], expected [${frames}, ${2 * channels}]`,
    );
  }
  const condition = validRows(path, states.values, width, maskOf(path, value, length));
  const sample = plainObject(value.get("metadata"));
  const text = (key: string): string => (typeof sample[key] === "string" ? sample[key] : "");
  const repeats = songRepeats(Sample.parse({ filename: path, repeat: sample["repeat"] ?? 1 }));
  const bf16 = [latents, states, context].every(({ dtype }) => dtype === "BF16");
  return {
    repeats,
    content: {
      frames,
      channels,
      latents: latents.values,
      conditions: [condition],
      width,
      contextLatents: context.values,
      dtype: bf16 ? "BF16" : "F32",
    },
    metadata: {
      id: names.id,
      prompt: {
        captions: [text("caption")],
        lyrics: text("lyrics"),
        bpm: typeof sample["bpm"] === "number" ? sample["bpm"] : null,
        timesignature: text("timesignature"),
        keyscale: text("keyscale"),
        language: text("language"),
      },
      source: { path: text("audio_path"), sha256: "" },
      durationS: frames / framesPerSecond,
      conditioning: "official",
      modelFingerprint: names.fingerprint,
      recipe: { imported: names.sha256 },
      segments: [],
      sample,
    },
  };
}

interface Matrix {
  readonly values: Float32Array;
  readonly shape: readonly [number, number];
  readonly dtype: HostTensor["dtype"];
}

function tensorAt(path: string, dict: ReadonlyMap<string | number, TorchValue>, key: string): HostTensor {
  const value = dict.get(key);
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Map) {
    throw refuse(path, `has no tensor ${key}; it is no song of the official trainer or Side-Step`);
  }
  return value;
}

function matrix(path: string, dict: ReadonlyMap<string | number, TorchValue>, key: string): Matrix {
  const tensor = tensorAt(path, dict, key);
  const { dtype, shape } = tensor;
  if (shape.length !== 2 || shape.includes(0) || !["F32", "F64", "BF16", "F16"].includes(dtype))
    throw refuse(path, `${key} is ${dtype} [${shape.join(", ")}], expected two axes of floats`);
  const values = toFloat32(tensor);
  const bad = values.findIndex((number) => !Number.isFinite(number));
  if (bad !== -1)
    throw refuse(path, `${key} holds ${values[bad]} at row ${Math.floor(bad / (shape[1] as number))}`);
  return { values, shape: shape as unknown as readonly [number, number], dtype };
}

/** Which condition positions count; where the file has no mask, all do. */
function maskOf(path: string, dict: ReadonlyMap<string | number, TorchValue>, length: number): boolean[] {
  if (!dict.has("encoder_attention_mask")) return new Array<boolean>(length).fill(true);
  const tensor = tensorAt(path, dict, "encoder_attention_mask");
  const { shape, dtype, data } = tensor;
  if (shape.length !== 1 || shape[0] !== length)
    throw refuse(path, `encoder_attention_mask is [${shape.join(", ")}], expected [${length}]`);
  const isFloat = dtype.startsWith("F") || dtype === "BF16";
  if (isFloat) return [...toFloat32(tensor)].map((value) => value !== 0);
  const width = data.length / length;
  return Array.from({ length }, (_, i) =>
    data.subarray(i * width, (i + 1) * width).some((byte) => byte !== 0),
  );
}

function validRows(
  path: string,
  values: Float32Array,
  width: number,
  mask: readonly boolean[],
): Float32Array {
  const rows = mask.flatMap((valid, row) => (valid ? [row] : []));
  if (rows.length === 0) throw refuse(path, "encoder_attention_mask leaves no position");
  const out = new Float32Array(rows.length * width);
  for (const [to, from] of rows.entries())
    out.set(values.subarray(from * width, (from + 1) * width), to * width);
  return out;
}

/** Dicts as objects, for JSON; tensors inside metadata are told by their shape. */
function plainObject(value: TorchValue | undefined): Record<string, unknown> {
  return value instanceof Map
    ? Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]))
    : {};
}

function plain(value: TorchValue): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return plainObject(value);
  if (typeof value === "object" && value !== null) return { dtype: value.dtype, shape: value.shape };
  return value;
}

function refuse(path: string, what: string): AceError {
  return new AceError("ERR_FILE", `${path}: ${what}`);
}
