import { designResampleFilter, Resampler, type ResampleFilter } from "./resample.js";

/** Gathers decoded blocks into two channels at the wanted rate. */
export class StereoCollector {
  readonly #filter: ResampleFilter | undefined;
  readonly #sides: [Side, Side];
  #isMono: boolean | undefined;

  constructor(fromHz: number, toHz: number, expectedFrames: number) {
    this.#filter = fromHz === toHz ? undefined : designResampleFilter(fromHz, toHz);
    const capacity = Math.ceil((expectedFrames * toHz) / fromHz);
    this.#sides = [new Side(this.#filter, capacity), new Side(this.#filter, capacity)];
  }

  /** Takes one or two channels; a single one goes to both sides. */
  push(channels: readonly Float32Array[]): void {
    const [left, right = left] = channels;
    if (left === undefined || right === undefined) return;
    // A stream may turn from mono to stereo midway; from then on both sides are kept.
    if (right !== left && this.#isMono === true) this.#sides[1] = this.#sides[0].clone();
    this.#isMono = (this.#isMono ?? true) && right === left;
    this.#sides[0].push(left);
    if (!this.#isMono) this.#sides[1].push(right);
  }

  /** The two channels, each with its own memory. */
  finish(): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
    const left = this.#sides[0].finish();
    return [left, this.#isMono === false ? this.#sides[1].finish() : left.slice()];
  }
}

/** One growing output channel behind its resampler. */
class Side {
  #samples: Float32Array<ArrayBuffer>;
  #length = 0;
  #resampler: Resampler | undefined;
  readonly #filter: ResampleFilter | undefined;

  constructor(filter: ResampleFilter | undefined, capacity: number) {
    this.#filter = filter;
    this.#resampler = filter === undefined ? undefined : new Resampler(filter);
    this.#samples = new Float32Array(capacity);
  }

  push(samples: Float32Array): void {
    this.#append(this.#resampler === undefined ? samples : this.#resampler.push(samples));
  }

  finish(): Float32Array<ArrayBuffer> {
    if (this.#resampler !== undefined) this.#append(this.#resampler.finish());
    return this.#length === this.#samples.length ? this.#samples : this.#samples.slice(0, this.#length);
  }

  clone(): Side {
    const twin = new Side(this.#filter, 0);
    twin.#samples = this.#samples.slice();
    twin.#length = this.#length;
    twin.#resampler = this.#resampler?.clone();
    return twin;
  }

  #append(samples: Float32Array): void {
    const needed = this.#length + samples.length;
    if (needed > this.#samples.length) {
      const grown = new Float32Array(Math.max(needed, Math.ceil(this.#samples.length * 1.5)));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    this.#samples.set(samples, this.#length);
    this.#length = needed;
  }
}
