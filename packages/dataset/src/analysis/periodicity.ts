import { ComplexFft } from "../dsp/fft.js";
import { onsetRateHz } from "./onsets.js";

/** How alike a curve is to itself some time later. */
export class Autocorrelation {
  readonly #values: Float64Array;

  /** @param curve at {@link onsetRateHz}; its mean is taken out */
  constructor(curve: Float64Array, longestS: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(4, curve.length * 2)));
    const re = new Float64Array(size);
    const im = new Float64Array(size);
    const mean = curve.reduce((sum, value) => sum + value, 0) / Math.max(1, curve.length);
    for (let i = 0; i < curve.length; i++) re[i] = (curve[i] as number) - mean;
    const fft = new ComplexFft(size);
    fft.forward(re, im);
    for (let i = 0; i < size; i++) {
      re[i] = (re[i] as number) ** 2 + (im[i] as number) ** 2;
      im[i] = 0;
    }
    fft.inverse(re, im);
    const lags = Math.min(Math.ceil(longestS * onsetRateHz) + 2, curve.length);
    const zero = (re[0] as number) / Math.max(1, curve.length);
    // Fewer pairs are left at long lags: each counts the more.
    this.#values = Float64Array.from({ length: lags }, (_, lag) =>
      zero > 0 ? (re[lag] as number) / Math.max(1, curve.length - lag) / zero : 0,
    );
  }

  /** At a lag in seconds: the best within 1.5 %, at least one frame, because no player is exact. -1 to 1. */
  at(lagS: number): number {
    const lag = lagS * onsetRateHz;
    const slack = Math.max(1, lag * 0.015);
    const from = Math.max(0, Math.round(lag - slack));
    const to = Math.min(this.#values.length - 1, Math.round(lag + slack));
    let best = from <= to ? -1 : 0;
    for (let i = from; i <= to; i++) best = Math.max(best, this.#values[i] as number);
    return best;
  }

  /** Lags in seconds at which the likeness has a peak, the highest first. */
  peaks(shortestS: number, longestS: number): number[] {
    const values = this.#values;
    const found: { lagS: number; height: number }[] = [];
    const last = Math.min(values.length - 2, Math.floor(longestS * onsetRateHz));
    for (let lag = Math.max(1, Math.ceil(shortestS * onsetRateHz)); lag <= last; lag++) {
      const [before, here, after] = [values[lag - 1] ?? 0, values[lag] ?? 0, values[lag + 1] ?? 0];
      if (here <= before || here < after || here <= 0) continue;
      const bend = before - 2 * here + after;
      const shift = bend === 0 ? 0 : (before - after) / 2 / bend;
      found.push({ lagS: (lag + shift) / onsetRateHz, height: here });
    }
    return found.sort((a, b) => b.height - a.height).map(({ lagS }) => lagS);
  }
}

/** Spectra of the onset curve over windows of half a minute: the pulse to a tenth of a percent. */
const windowS = 30;

/**
 * The period near a first guess (within 3 %) at which the pulse and its first four multiples together are strongest.
 */
export function refinePeriod(curve: Float64Array, guessS: number): number {
  const strength = (periodS: number): number => pulseStrength(curve, periodS);
  let best = guessS;
  for (const step of [0.005, 0.001, 0.0002]) {
    const around = Array.from({ length: 13 }, (_, i) => best * (1 + (i - 6) * step));
    best = around.reduce((a, b) => (strength(b) > strength(a) ? b : a));
  }
  return best;
}

function pulseStrength(curve: Float64Array, periodS: number): number {
  const size = windowS * onsetRateHz;
  const windows = Math.max(1, Math.floor(curve.length / size));
  let sum = 0;
  for (let w = 0; w < windows; w++) {
    const part = curve.subarray(w * size, windows === 1 ? curve.length : (w + 1) * size);
    for (let multiple = 1; multiple <= 4; multiple++) {
      sum += magnitudeAt(part, multiple / (periodS * onsetRateHz));
    }
  }
  return sum;
}

/** |sum x[n] exp(-2 pi i n turns)|, by Goertzel's recurrence. */
function magnitudeAt(curve: Float64Array, turns: number): number {
  const c = 2 * Math.cos(2 * Math.PI * turns);
  let s1 = 0;
  let s2 = 0;
  for (let i = 0; i < curve.length; i++) {
    const s0 = (curve[i] as number) + c * s1 - s2;
    s2 = s1;
    s1 = s0;
  }
  return Math.sqrt(Math.max(0, s1 * s1 + s2 * s2 - c * s1 * s2));
}
