import type { HostTensor } from "@acewright/core-native";
import { AceError, readSafetensors, toFloat32 } from "@acewright/core-native";
import { findSilenceLatent } from "../models/silence-place.js";
import { readTorchFile } from "./read-torch-file.js";

/** What the autoencoder makes of silence: the model's stand-in for "nothing here", frame by frame. */
export interface SilenceLatent {
  /** [frames, 64] row-major. */
  readonly latents: Float32Array;
  readonly frames: number;
  readonly channels: number;
  /** Where it was not found beside the model. */
  readonly warning?: string;
}

/**
 * Reads `silence_latent.safetensors`, or else the published `silence_latent.pt`, of a model folder, or of a
 * neighbour where it has none. Both store [1, 64, frames], channel after channel.
 *
 * @throws {AceError} ERR_FILE when neither is there or it is damaged; ERR_CHECKPOINT when it is of another shape or not finite.
 */
export function readSilenceLatent(folder: string): SilenceLatent {
  const place = findSilenceLatent(folder);
  if (place === undefined) {
    throw new AceError(
      "ERR_FILE",
      `${folder}: holds neither silence_latent.safetensors nor silence_latent.pt, nor does a folder beside it; it is part of the model's download`,
    );
  }
  const { file: path, warning } = place;
  const tensor = path.endsWith(".pt") ? fromTorch(path) : fromSafetensors(path);
  const [one, channels, frames] = tensor.shape as [number, number, number];
  if (tensor.shape.length !== 3 || one !== 1 || channels === 0 || frames === 0) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${path}: the silence latent is [${tensor.shape.join(", ")}], expected [1, channels, frames]`,
    );
  }
  const stored = toFloat32(tensor);
  if (!stored.every(Number.isFinite))
    throw new AceError("ERR_CHECKPOINT", `${path}: the silence latent holds NaN or infinity`);
  const latents = new Float32Array(stored.length);
  for (let c = 0; c < channels; c++) {
    for (let t = 0; t < frames; t++) latents[t * channels + c] = stored[c * frames + t] as number;
  }
  return { latents, frames, channels, ...(warning !== undefined && { warning }) };
}

/** The first `frames` frames [frames, 64]; beyond its end the silence begins again. */
export function silenceFrames(
  { latents, frames: available, channels }: SilenceLatent,
  frames: number,
): Float32Array {
  const out = new Float32Array(frames * channels);
  for (let at = 0; at < frames; at += available) {
    out.set(latents.subarray(0, Math.min(available, frames - at) * channels), at * channels);
  }
  return out;
}

/** Context of text-to-music [frames, 128]: the silence, and a mask of ones beside it. */
export function silenceContext(silence: SilenceLatent, frames: number): Float32Array {
  const { channels } = silence;
  const source = silenceFrames(silence, frames);
  const context = new Float32Array(2 * frames * channels).fill(1);
  for (let t = 0; t < frames; t++) {
    context.set(source.subarray(t * channels, (t + 1) * channels), 2 * t * channels);
  }
  return context;
}

function fromSafetensors(path: string): HostTensor {
  return readSafetensors(path, ["silence_latent"]).tensors["silence_latent"] as HostTensor;
}

function fromTorch(path: string): HostTensor {
  const value = readTorchFile(path);
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Map) {
    throw new AceError("ERR_CHECKPOINT", `${path}: holds no tensor, expected one [1, channels, frames]`);
  }
  return value;
}
