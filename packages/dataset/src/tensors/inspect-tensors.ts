import { statSync } from "node:fs";
import { resolve } from "node:path";
import { readLoneSong } from "./inspect-file.js";
import type { ManifestHead, ManifestSample } from "./manifest.js";
import { openTensors } from "./open-tensors.js";
import type { Segments, TensorMetadata } from "./tensor-file.js";

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
 * without, the manifest alone speaks. The path may also be one song's tensor file, or a `.pt` of another trainer, which is
 * always read.
 *
 * @throws {AceError} ERR_FILE when the folder itself, or the one file, cannot be read. The signal's reason when aborted.
 */
export async function* inspectTensors(
  path: string,
  options: { readonly verify?: boolean; readonly signal?: AbortSignal } = {},
): AsyncGenerator<{ readonly manifest: ManifestHead; readonly songs: number; readonly song: InspectedSong }> {
  const { verify = false, signal } = options;
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
    const { manifest, sample, content, metadata } = readLoneSong(resolve(path));
    const verified = verifiedFacts(content, metadata);
    yield { manifest, songs: 1, song: { sample, seconds: sample.frames / 25, verified } };
    return;
  }
  const tensors = await openTensors(path);
  const { manifest, samples } = tensors;
  for (const sample of samples) {
    signal?.throwIfAborted();
    let song: InspectedSong = { sample, seconds: sample.frames / 25 };
    if (verify) {
      try {
        const { latents, conditions, metadata } = await tensors.read(sample);
        song = { ...song, verified: verifiedFacts({ latents, conditions }, metadata) };
      } catch (error) {
        song = { ...song, problem: (error as Error).message };
      }
    }
    yield { manifest, songs: samples.length, song };
  }
}

function verifiedFacts(
  { latents, conditions }: { readonly latents: Float32Array; readonly conditions: readonly Float32Array[] },
  { segments, recipe }: TensorMetadata,
): NonNullable<InspectedSong["verified"]> {
  return { segments, recipe, latents: statsOf([latents]), conditions: statsOf(conditions) };
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
