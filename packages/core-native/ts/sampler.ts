import type { NativeHandle } from "./binding.js";
import { adapterHandle, type Adapter } from "./adapter.js";
import { decoderHandle, type Decoder } from "./decoder.js";
import { binding } from "./load.js";
import type { SampleRequest } from "./types.js";

/** An adapter in generation. */
export interface SamplerAdapter {
  readonly adapter: Adapter;
  /** 1 as trained, 0 off. */
  readonly scale: number;
  /** Multiplied into `scale`, one for each of the adapter's `modules`; a module at 0 costs nothing. */
  readonly moduleScales?: readonly number[];
  /** It works in step k of n where from <= k / n < to; default 0 and 1. */
  readonly from?: number;
  readonly to?: number;
}

/** Turns noise into latents with a decoder and any number of adapters. */
export class Sampler {
  readonly #handle: NativeHandle;

  /** @throws {AceError} ERR_CONFIG when an adapter is another decoder's, or has more or fewer modules than scales */
  constructor(decoder: Decoder, adapters: readonly SamplerAdapter[] = []) {
    this.#handle = binding().openSampler(
      decoderHandle(decoder),
      adapters.map(({ adapter, ...use }) => ({ ...use, adapter: adapterHandle(adapter) })),
    );
  }

  /**
   * Latents [frames, 64] of one song.
   *
   * @param onStep called after each step; calls that come too fast are dropped, but the last is not
   * @throws {AceError} ERR_CONFIG (times), ERR_SHAPE
   */
  async sample(
    request: SampleRequest,
    onStep?: (done: number, total: number) => void,
  ): Promise<Float32Array> {
    const { length: total } = request.times;
    let told = 0;
    const tell = (done: number): void => {
      if (done <= told) return; // one that was under way when the end had been told
      told = done;
      onStep?.(done, total);
    };
    const latents = await binding().samplerSample(this.#handle, request, onStep && tell);
    tell(total);
    return latents;
  }

  /** The velocity [frames, 64] at one timestep. */
  async velocity(request: {
    readonly latents: Float32Array;
    readonly timestep: number;
    readonly condition: Float32Array;
    readonly contextLatents: Float32Array;
  }): Promise<Float32Array> {
    return await binding().samplerVelocity(this.#handle, request);
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Falling times of the turbo sampler, s u / (1 + (s - 1) u), without the final 0.
 *
 * @param shift 1, 2 or 3 are what the turbo checkpoints were made for
 */
export function turboTimes(shift: number, steps = 8): number[] {
  return binding().shiftedTimes(shift, steps);
}
