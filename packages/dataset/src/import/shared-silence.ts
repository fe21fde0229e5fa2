import type { HostTensor } from "@acewright/core-native";
import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@acewright/core-native";
import { existsSync } from "node:fs";
import type { TensorContent } from "../tensors/tensor-file.js";

/**
 * The silence that imported contexts begin with, found from the songs themselves: the longest source that the others
 * are beginnings of. A context of a song of its own (as the official "LoKr" mode makes it) is never taken for it.
 */
export class SharedSilence {
  readonly #path: string;
  #latents: Float32Array = new Float32Array(0);

  /** Goes on from what an interrupted import wrote. */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    const tensor = readSafetensors(path, ["silence_latent"]).tensors["silence_latent"] as HostTensor;
    this.#latents = toFloat32(tensor);
  }

  /** The same song, its context left out where the silence stands for it; grows the silence on disk where needed. */
  withoutSilence(content: TensorContent): TensorContent {
    const { contextLatents, frames, channels, latents } = content;
    if (contextLatents === undefined) return content;
    const source = new Float32Array(frames * channels);
    for (let t = 0; t < frames; t++) {
      const row = contextLatents.subarray(2 * t * channels, 2 * (t + 1) * channels);
      if (!row.subarray(channels).every((value) => value === 1)) return content;
      source.set(row.subarray(0, channels), t * channels);
    }
    const shared = Math.min(source.length, this.#latents.length);
    for (let i = 0; i < shared; i++) if (source[i] !== this.#latents[i]) return content;
    // A song given its own latents as source would pass its answer off as everybody's silence.
    if (source.every((value, i) => value === latents[i])) return content;
    if (source.length > this.#latents.length) this.#grow(source, channels);
    return { ...content, contextLatents: undefined };
  }

  /** Writes something where no song had a context to share. */
  ensure(channels: number): void {
    if (!existsSync(this.#path)) this.#grow(new Float32Array(channels), channels);
  }

  #grow(latents: Float32Array, channels: number): void {
    writeSafetensors(this.#path, {
      silence_latent: fromFloat32(latents, [latents.length / channels, channels]),
    });
    this.#latents = latents;
  }
}
