import { AceError, openCheckpoint } from "@acewright/core-native";
import type { Chunk } from "../chunks.js";
import { planChunks } from "../chunks.js";
import { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { NetworkOptions } from "../onnx/network.js";
import { Network } from "../onnx/network.js";
import type { OobleckConfig } from "./oobleck-config.js";
import { decoderReach, encoderReach, readOobleckConfig } from "./oobleck-config.js";
import { oobleckDecoder, oobleckEncoder } from "./oobleck-graph.js";

/** 48 kHz stereo, both channels of one length, values nominally -1 to 1. */
export type StereoWave = readonly [Float32Array, Float32Array];

/** The posterior of a wave, frame by frame: mean and standard deviation, each [frames, 64] row-major. */
export interface LatentPosterior {
  readonly frames: number;
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/** How a long signal is cut; results do not depend on it, memory and progress do. */
export interface TilingOptions {
  /** Latent frames computed at once (25 a second), overlaps included. */
  readonly chunkFrames?: number;
  /** Frames read on either side beyond what is kept; default as far as the network looks, so that no seam is left. */
  readonly overlapFrames?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneFrames: number, totalFrames: number) => void;
}

/** A tile of 6.4 s: at the published size about 1 GB of activations, and a tenth of the work is overlap. */
const defaultChunkFrames = 160;

const weightsStem = "diffusion_pytorch_model";

/** Oobleck encoder: 48 kHz stereo to latents. */
export class VaeEncoder {
  private constructor(
    readonly config: OobleckConfig,
    private readonly network: Network,
  ) {}

  /**
   * @param folder with config.json and the published weights.
   * @throws {AceError} ERR_FILE, ERR_CHECKPOINT for files that are missing, damaged or another model's.
   */
  static async open(folder: string, options: NetworkOptions): Promise<VaeEncoder> {
    const config = readOobleckConfig(folder);
    const weights = new CheckpointWeights(openCheckpoint(folder, weightsStem));
    const model = oobleckEncoder(config, weights);
    weights.refuseUnused((name) => name.startsWith("decoder."));
    return new VaeEncoder(config, await Network.open("VAE encoder", model, options));
  }

  /**
   * The posterior of a wave. The last fraction of a frame colours its neighbours but has no frame of its own.
   *
   * @throws {AceError} ERR_SHAPE for channels of unequal length or less than one frame (1920 samples).
   */
  async encode(wave: StereoWave, tiling: TilingOptions = {}): Promise<LatentPosterior> {
    const { hop, latentChannels } = this.config;
    const samples = wave[0].length;
    const frames = Math.floor(samples / hop);
    if (wave[1].length !== samples || frames === 0) {
      throw new AceError("ERR_SHAPE", `channels of ${samples} and ${wave[1].length} samples: expected equal lengths of at least ${hop}`); // prettier-ignore
    }
    const mean = new Float32Array(frames * latentChannels);
    const std = new Float32Array(frames * latentChannels);
    for (const { read, keep } of tiles(frames, tiling, encoderReach(this.config))) {
      const [from, to] = [read.from * hop, read.to === frames ? samples : read.to * hop];
      const out = await this.network.run({
        wave: { data: interleave(wave, from, to), shape: [1, 2, to - from] },
      });
      const skip = keep.from - read.from;
      const rows = keep.to - keep.from;
      const count = read.to - read.from;
      copyFramesFirst(out["mean"] as Float32Array, count, skip, mean, keep.from, rows, latentChannels);
      copyFramesFirst(out["std"] as Float32Array, count, skip, std, keep.from, rows, latentChannels);
      tiling.onProgress?.(keep.to, frames);
    }
    return { frames, mean, std };
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

/** Oobleck decoder: latents to 48 kHz stereo. */
export class VaeDecoder {
  private constructor(
    readonly config: OobleckConfig,
    private readonly network: Network,
  ) {}

  /** As {@link VaeEncoder.open}. */
  static async open(folder: string, options: NetworkOptions): Promise<VaeDecoder> {
    const config = readOobleckConfig(folder);
    const weights = new CheckpointWeights(openCheckpoint(folder, weightsStem));
    const model = oobleckDecoder(config, weights);
    weights.refuseUnused((name) => name.startsWith("encoder."));
    return new VaeDecoder(config, await Network.open("VAE decoder", model, options));
  }

  /**
   * The wave of latents [frames, 64]: frames times 1920 samples, not limited in level.
   *
   * @throws {AceError} ERR_SHAPE when the values are not whole frames.
   */
  async decode(latents: Float32Array, tiling: TilingOptions = {}): Promise<[Float32Array, Float32Array]> {
    const { hop, latentChannels } = this.config;
    const frames = latents.length / latentChannels;
    if (!Number.isInteger(frames) || frames === 0) {
      throw new AceError(
        "ERR_SHAPE",
        `${latents.length} latent values are not whole frames of ${latentChannels}`,
      );
    }
    const wave: [Float32Array, Float32Array] = [
      new Float32Array(frames * hop),
      new Float32Array(frames * hop),
    ];
    for (const { read, keep } of tiles(frames, tiling, decoderReach(this.config))) {
      const count = read.to - read.from;
      const data = channelsFirst(
        latents.subarray(read.from * latentChannels, read.to * latentChannels),
        latentChannels,
      );
      const out = await this.network.run({ latents: { data, shape: [1, latentChannels, count] } });
      for (const [c, channel] of wave.entries()) {
        const at = (c * count + keep.from - read.from) * hop;
        channel.set(
          (out["wave"] as Float32Array).subarray(at, at + (keep.to - keep.from) * hop),
          keep.from * hop,
        );
      }
      tiling.onProgress?.(keep.to, frames);
    }
    return wave;
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

function* tiles(frames: number, tiling: TilingOptions, reach: number): Generator<Chunk> {
  const { chunkFrames = defaultChunkFrames, overlapFrames = reach, signal } = tiling;
  for (const chunk of planChunks(frames, chunkFrames, overlapFrames)) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** Both channels of [from, to), one after the other: [2, N]. */
function interleave(wave: StereoWave, from: number, to: number): Float32Array {
  const both = new Float32Array(2 * (to - from));
  both.set(wave[0].subarray(from, to), 0);
  both.set(wave[1].subarray(from, to), to - from);
  return both;
}

/** [C, count] -> rows of [frames, C]. */
function copyFramesFirst(
  source: Float32Array,
  count: number,
  skip: number,
  target: Float32Array,
  at: number,
  rows: number,
  channels: number,
): void {
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < rows; row++) {
      target[(at + row) * channels + c] = source[c * count + skip + row] as number;
    }
  }
}

/** [N, C] -> [C, N]. */
function channelsFirst(rows: Float32Array, channels: number): Float32Array {
  const count = rows.length / channels;
  const out = new Float32Array(rows.length);
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < channels; c++) out[c * count + row] = rows[row * channels + c] as number;
  }
  return out;
}
