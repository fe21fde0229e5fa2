import { ComplexFft, hannWindow } from "../../dsp/fft.js";

/** Receives the power spectrum (a full-scale sine reads 1) of one moment, both channels added. */
export type SpectrumSink = (power: Float64Array, frame: number) => void;

export const framesPerSecond = 25;
/** Frames are about this long, whatever the sample rate: a power of two samples. */
const frameS = 0.093;

/**
 * Cuts a stream of one or two channels into overlapping frames, 25 a second, and gives each one's power spectrum. Both
 * channels go through one complex transform, the right one as its imaginary part, and their powers are added, so that
 * nothing is lost where they are out of phase.
 */
export class SpectralFrames {
  /** Width of one bin. */
  readonly binHz: number;
  readonly bins: number;
  readonly #sampleRateHz: number;
  readonly #fft: ComplexFft;
  readonly #window: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #power: Float64Array;
  readonly #sink: SpectrumSink;
  #pending: [Float32Array, Float32Array] = [new Float32Array(0), new Float32Array(0)];
  /** Sample that `#pending` begins with. */
  #start = 0;
  #frame = 0;

  constructor(sampleRateHz: number, sink: SpectrumSink) {
    const size = 2 ** Math.max(6, Math.round(Math.log2(sampleRateHz * frameS)));
    this.#sampleRateHz = sampleRateHz;
    this.#sink = sink;
    this.#fft = new ComplexFft(size);
    this.#window = hannWindow(size);
    this.#re = new Float64Array(size);
    this.#im = new Float64Array(size);
    this.bins = size / 2 + 1;
    this.binHz = sampleRateHz / size;
    this.#power = new Float64Array(this.bins);
  }

  push(channels: readonly Float32Array[]): void {
    const [left, right = left] = channels;
    if (left === undefined || right === undefined) return;
    this.#pending = [joined(this.#pending[0], left), joined(this.#pending[1], right)];
    const { size } = this.#fft;
    for (;;) {
      const from = this.#frameStart() - this.#start;
      if (from + size > this.#pending[0].length) break;
      this.#transform(from);
      this.#sink(this.#power, this.#frame);
      this.#frame++;
    }
    const done = Math.min(this.#frameStart() - this.#start, this.#pending[0].length);
    this.#pending = [this.#pending[0].slice(done), this.#pending[1].slice(done)];
    this.#start += done;
  }

  #frameStart(): number {
    return Math.round((this.#frame * this.#sampleRateHz) / framesPerSecond);
  }

  #transform(from: number): void {
    const { size } = this.#fft;
    const [left, right] = this.#pending;
    const [re, im, power] = [this.#re, this.#im, this.#power];
    for (let i = 0; i < size; i++) {
      const weight = this.#window[i] as number;
      re[i] = (left[from + i] as number) * weight;
      im[i] = (right[from + i] as number) * weight;
    }
    this.#fft.forward(re, im);
    // A sine of amplitude 1 in both channels has |L|^2 + |R|^2 = 2 (size / 4)^2 under a Hann window.
    const scale = 16 / (4 * size * size);
    for (let bin = 0; bin < this.bins; bin++) {
      const mirror = bin === 0 ? 0 : size - bin;
      const [a, b, c, d] = [re[bin] ?? 0, im[bin] ?? 0, re[mirror] ?? 0, im[mirror] ?? 0];
      power[bin] = (a * a + b * b + c * c + d * d) * scale;
    }
  }
}

function joined(head: Float32Array, tail: Float32Array): Float32Array {
  const whole = new Float32Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
