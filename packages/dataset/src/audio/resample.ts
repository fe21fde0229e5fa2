import { besselI0 } from "../dsp/bessel.js";
import { ResampleKernel, tapsPerRound } from "./resample-kernel.js";

/** A windowed-sinc low-pass cut into one row of taps for each fractional position an output sample can have. */
export interface ResampleFilter {
  /** Output rate over input rate in lowest terms: `up / down`. */
  up: number;
  down: number;
  /** Taps on either side of an output sample: input samples from `half - 1` before to `half` after. */
  half: number;
  /** Rows in the kernel's table: `up` of them, or fewer (and one more) where positions between two are interpolated. */
  rows: number;
  kernel: ResampleKernel;
}

// A Kaiser window of beta 13 suppresses by 127 dB; with 160 taps its transition is 5.2 % of the sample rate wide,
// so that 44.1 kHz material is flat to 20.2 kHz and clean from 22.6 kHz on.
const kaiserBeta = 13;
const tapsPerSide = 80;
const cutoff = 0.97;

/** Rates that music has need at most 640 rows (11025 Hz to 48 kHz); others would need up to 48000. */
const mostRows = 640;
/** Between so many rows a straight line is off by less than -130 dB at 20 kHz. */
const interpolatedRows = 2048;

/** Filters in use; their tables take some milliseconds to make. */
const designed = new Map<string, ResampleFilter>();
const mostDesigned = 4;

/** Designs the filter from `fromHz` to `toHz` (both whole numbers), or gives the one it made before. */
export function designResampleFilter(fromHz: number, toHz: number): ResampleFilter {
  const key = `${fromHz} ${toHz}`;
  let filter = designed.get(key);
  if (filter === undefined) {
    filter = design(fromHz, toHz);
    const [oldest] = designed.keys();
    if (designed.size >= mostDesigned && oldest !== undefined) designed.delete(oldest);
    designed.set(key, filter);
  }
  return filter;
}

function design(fromHz: number, toHz: number): ResampleFilter {
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  const narrowing = Math.max(1, fromHz / toHz);
  const half = Math.ceil(tapsPerSide * narrowing);
  const bandwidth = cutoff / narrowing;
  const rows = up <= mostRows ? up : Math.ceil(interpolatedRows / narrowing);
  const rowTaps = Math.ceil((2 * half) / tapsPerRound) * tapsPerRound;
  const table = new Float32Array((rows === up ? rows : rows + 1) * rowTaps);
  for (let at = 0; at < table.length; at += rowTaps)
    table.set(sincRow(at / rowTaps / rows, half, bandwidth), at);
  return { up, down, half, rows, kernel: new ResampleKernel(table, rowTaps) };
}

function sincRow(fraction: number, half: number, bandwidth: number): Float64Array {
  const taps = new Float64Array(2 * half);
  let sum = 0;
  for (let tap = 0; tap < taps.length; tap++) {
    const distance = tap - (half - 1) - fraction;
    const angle = Math.PI * bandwidth * distance;
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
    const edge = distance / half;
    taps[tap] = sinc * besselI0(kaiserBeta * Math.sqrt(Math.max(0, 1 - edge * edge)));
    sum += taps[tap] as number;
  }
  for (let tap = 0; tap < taps.length; tap++) taps[tap] = (taps[tap] as number) / sum;
  return taps;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Changes the sample rate of one channel, block by block. Zero phase: output sample m stands at the time of input
 * sample m * down / up, and n input samples give exactly round(n * up / down) output samples.
 */
export class Resampler {
  readonly #filter: ResampleFilter;
  /** Input not yet done with, after `half - 1` samples of history (zeros before the start). */
  #pending: Float32Array;
  /** Input index of `#pending[0]`. */
  #pendingStart: number;
  #received = 0;
  #produced = 0;

  constructor(filter: ResampleFilter) {
    this.#filter = filter;
    this.#pendingStart = -(filter.half - 1);
    this.#pending = new Float32Array(filter.half - 1);
  }

  /** A second one in the same state, for a stream that splits in two. */
  clone(): Resampler {
    const twin = new Resampler(this.#filter);
    twin.#pending = this.#pending.slice();
    twin.#pendingStart = this.#pendingStart;
    twin.#received = this.#received;
    twin.#produced = this.#produced;
    return twin;
  }

  /** Takes the next input and gives what can be said by now. */
  push(block: Float32Array): Float32Array {
    this.#received += block.length;
    this.#append(block);
    const { up, down, half } = this.#filter;
    // The last output whose taps, `half` samples ahead, have all arrived.
    const ready = Math.floor(((this.#received - half) * up - 1) / down) + 1;
    return this.#produceTo(Math.max(this.#produced, ready));
  }

  /** Says the rest, as if silence followed. */
  finish(): Float32Array {
    const { up, down, half } = this.#filter;
    this.#append(new Float32Array(half + 1));
    return this.#produceTo(Math.round((this.#received * up) / down));
  }

  #append(block: Float32Array): void {
    const { up, down, half } = this.#filter;
    const firstNeeded = Math.floor((this.#produced * down) / up) - (half - 1);
    const drop = Math.min(this.#pending.length, Math.max(0, firstNeeded - this.#pendingStart));
    const joined = new Float32Array(this.#pending.length - drop + block.length);
    joined.set(this.#pending.subarray(drop));
    joined.set(block, this.#pending.length - drop);
    this.#pending = joined;
    this.#pendingStart += drop;
  }

  #produceTo(count: number): Float32Array {
    const { up, down, half, rows, kernel } = this.#filter;
    const output = new Float32Array(Math.max(0, count - this.#produced));
    if (rows === up) {
      const { whole, phase } = this.#place(this.#produced);
      kernel.run(this.#pending.subarray(whole - (half - 1) - this.#pendingStart), output, phase, up, down);
    } else {
      for (let index = 0; index < output.length; index++)
        output[index] = this.#between(this.#produced + index);
    }
    this.#produced += output.length;
    return output;
  }

  /** The input sample at or before output sample `index`, and how many `up`-ths it stands behind. */
  #place(index: number): { whole: number; phase: number } {
    const position = index * this.#filter.down;
    const whole = Math.floor(position / this.#filter.up);
    return { whole, phase: position - whole * this.#filter.up };
  }

  /** An output sample between two rows of the table, by a straight line. */
  #between(index: number): number {
    const { up, half, rows, kernel } = this.#filter;
    const { whole, phase } = this.#place(index);
    const first = whole - (half - 1) - this.#pendingStart;
    const taps = this.#pending.subarray(first, first + 2 * half);
    const row = Math.floor((phase / up) * rows);
    const share = (phase / up) * rows - row;
    const ends = new Float32Array(2);
    // One row further, no input further.
    kernel.run(taps, ends, row, rows + 1, 1);
    const [before = 0, after = 0] = ends;
    return before + share * (after - before);
  }
}

/** Changes the sample rate of one whole channel; a copy when the rates are equal. */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) return samples.slice();
  const resampler = new Resampler(designResampleFilter(fromHz, toHz));
  const head = resampler.push(samples);
  const tail = resampler.finish();
  const output = new Float32Array(head.length + tail.length);
  output.set(head);
  output.set(tail, head.length);
  return output;
}
