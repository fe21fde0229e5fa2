import type { ManifestHead, ManifestSample } from "./manifest.js";
import { openTensors } from "./open-tensors.js";
import type { Segments } from "./tensor-file.js";

/** Mean, deviation and range of an array. */
export interface ValueStats {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

/** What a song's tensors are. */
export interface InspectedSong {
  readonly sample: ManifestSample;
  /** Of the latents: 25 frames are a second. */
  readonly seconds: number;
  /** Why it cannot be read; of songs that were read, `verified` follows instead. */
  readonly problem?: string;
  readonly verified?: {
    readonly segments: readonly Segments[];
    readonly recipe: Readonly<Record<string, unknown>>;
    readonly latents: ValueStats;
    readonly conditions: ValueStats;
  };
}

/**
 * Looks at a folder of tensors song by song. With `verify` each is read: checksums, sizes, NaN and infinity, statistics;
 * without, the manifest alone speaks.
 *
 * @throws {AceError} ERR_FILE when the folder itself cannot be opened. The signal's reason when aborted.
 */
export async function* inspectTensors(
  path: string,
  options: { readonly verify?: boolean; readonly signal?: AbortSignal } = {},
): AsyncGenerator<{ readonly manifest: ManifestHead; readonly songs: number; readonly song: InspectedSong }> {
  const { verify = false, signal } = options;
  const tensors = await openTensors(path);
  const { manifest, samples } = tensors;
  for (const sample of samples) {
    signal?.throwIfAborted();
    let song: InspectedSong = { sample, seconds: sample.frames / 25 };
    if (verify) {
      try {
        const { latents, conditions, metadata } = await tensors.read(sample);
        const { segments, recipe } = metadata;
        song = { ...song, verified: { segments, recipe, latents: statsOf([latents]), conditions: statsOf(conditions) } }; // prettier-ignore
      } catch (error) {
        song = { ...song, problem: (error as Error).message };
      }
    }
    yield { manifest, songs: samples.length, song };
  }
}

function statsOf(arrays: readonly Float32Array[]): ValueStats {
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (const array of arrays) {
    for (const value of array) {
      count++;
      sum += value;
      squares += value * value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  const mean = sum / count;
  return { mean, std: Math.sqrt(Math.max(0, squares / count - mean * mean)), min, max };
}
