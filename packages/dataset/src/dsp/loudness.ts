import { AceError } from "@acewright/core-native";

/** Blocks quieter than this count as silence (LUFS). */
const absoluteGate = -70;
/** Blocks this much quieter than the mean of the others count as pauses (LU). */
const relativeGate = -10;
/** Makes a 997 Hz sine at full scale in one channel read -3.01 LUFS. */
const offset = -0.691;
const hopsPerSecond = 10;
/** A gating block is 400 ms long; one begins every 100 ms. */
const hopsPerBlock = 4;

/**
 * Integrated loudness of a stream of one or two channels by ITU-R BS.1770-4 (K-weighting, absolute and relative gate), at
 * any sample rate. Kept are eight bytes for each 100 ms.
 */
export class LoudnessMeter {
  readonly #sampleRateHz: number;
  readonly #weightings: KWeighting[];
  /** Mean square of each 100 ms, summed over channels. */
  readonly #hops: number[] = [];
  #sum = 0;
  #hopStart = 0;
  #received = 0;

  /** @throws {AceError} ERR_CONFIG for a rate that cannot hold the weighting's shelf at 1.7 kHz. */
  constructor(sampleRateHz: number, channels = 2) {
    if (!(sampleRateHz >= 4000)) {
      throw new AceError(
        "ERR_CONFIG",
        `sampleRateHz: loudness wants at least 4000 samples a second, got ${sampleRateHz}`,
      );
    }
    this.#sampleRateHz = sampleRateHz;
    this.#weightings = Array.from({ length: channels }, () => new KWeighting(sampleRateHz));
  }

  /** Takes the next samples: one array for each channel, of equal length, full scale 1. */
  push(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    for (let from = 0; from < length;) {
      const hopEnd = this.#boundary(this.#hops.length + 1);
      const to = Math.min(length, from + hopEnd - this.#received);
      this.#weightings.forEach((weighting, channel) => {
        this.#sum += weighting.sumOfSquares(channels[channel] ?? new Float32Array(length), from, to);
      });
      this.#received += to - from;
      from = to;
      if (this.#received === hopEnd) {
        this.#hops.push(this.#sum / (hopEnd - this.#hopStart));
        this.#sum = 0;
        this.#hopStart = hopEnd;
      }
    }
  }

  /** LUFS of what came so far; -Infinity for silence, and for less than 400 ms. */
  integrated(): number {
    const blocks: number[] = [];
    for (let end = hopsPerBlock; end <= this.#hops.length; end++) {
      blocks.push(mean(this.#hops.slice(end - hopsPerBlock, end)));
    }
    const audible = blocks.filter((power) => toLufs(power) > absoluteGate);
    const threshold = toLufs(mean(audible)) + relativeGate;
    return toLufs(mean(audible.filter((power) => toLufs(power) > threshold)));
  }

  /** First sample after a number of hops; whole samples, also where 100 ms is none (11 025 Hz). */
  #boundary(hops: number): number {
    return Math.round((hops * this.#sampleRateHz) / hopsPerSecond);
  }
}

/** Integrated loudness (LUFS) of one or two whole channels; -Infinity for silence, and for less than 400 ms. */
export function integratedLoudness(channels: readonly Float32Array[], sampleRateHz: number): number {
  const meter = new LoudnessMeter(sampleRateHz, channels.length);
  meter.push(channels);
  return meter.integrated();
}

function toLufs(power: number): number {
  return power > 0 ? offset + 10 * Math.log10(power) : -Infinity;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The two filters of BS.1770: a shelf for the head and a high-pass. The recommendation tabulates them for 48 kHz only;
 * these are the analogue prototypes behind that table, brought to any rate by the bilinear transform.
 */
class KWeighting {
  readonly #shelf: Biquad;
  readonly #highPass: Biquad;

  constructor(sampleRateHz: number) {
    this.#shelf = new Biquad(shelf(sampleRateHz, 1681.974450955533, 3.999843853973347, 0.7071752369554196));
    this.#highPass = new Biquad(highPass(sampleRateHz, 38.13547087602444, 0.5003270373238773));
  }

  sumOfSquares(samples: Float32Array, from: number, to: number): number {
    let sum = 0;
    for (let index = from; index < to; index++) {
      const weighted = this.#highPass.next(this.#shelf.next(samples[index] as number));
      sum += weighted * weighted;
    }
    return sum;
  }
}

interface Coefficients {
  b0: number;
  b1: number;
  b2: number;
  a1: number;
  a2: number;
}

function shelf(sampleRateHz: number, centreHz: number, gainDb: number, quality: number): Coefficients {
  const k = Math.tan((Math.PI * centreHz) / sampleRateHz);
  const high = 10 ** (gainDb / 20);
  const band = high ** 0.4996667741545416;
  const a0 = 1 + k / quality + k * k;
  return {
    b0: (high + (band * k) / quality + k * k) / a0,
    b1: (2 * (k * k - high)) / a0,
    b2: (high - (band * k) / quality + k * k) / a0,
    a1: (2 * (k * k - 1)) / a0,
    a2: (1 - k / quality + k * k) / a0,
  };
}

function highPass(sampleRateHz: number, centreHz: number, quality: number): Coefficients {
  const k = Math.tan((Math.PI * centreHz) / sampleRateHz);
  const a0 = 1 + k / quality + k * k;
  return { b0: 1, b1: -2, b2: 1, a1: (2 * (k * k - 1)) / a0, a2: (1 - k / quality + k * k) / a0 };
}

/** Second-order filter, direct form II transposed. */
class Biquad {
  readonly #c: Coefficients;
  #z1 = 0;
  #z2 = 0;

  constructor(coefficients: Coefficients) {
    this.#c = coefficients;
  }

  next(input: number): number {
    const { b0, b1, b2, a1, a2 } = this.#c;
    const output = b0 * input + this.#z1;
    this.#z1 = b1 * input - a1 * output + this.#z2;
    this.#z2 = b2 * input - a2 * output;
    return output;
  }
}
