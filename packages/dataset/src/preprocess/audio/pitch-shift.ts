import { resample } from "../../audio/resample.js";
import { timeStretch } from "./time-stretch.js";

/** Ratios are rounded to fractions of at most this denominator: within 0.01 cents, and few rows of filter taps. */
const largestDenominator = 600;

/**
 * Shifts the pitch of a sound and keeps its length: stretched in time, then played faster by the band-limited resampler,
 * so that nothing folds back. Formants move with the pitch.
 */
export function pitchShift(
  channels: readonly Float32Array[],
  semitones: number,
  sampleRateHz: number,
): Float32Array<ArrayBuffer>[] {
  const [from, to] = fraction(2 ** (semitones / 12));
  const stretched = timeStretch(channels, to / from, sampleRateHz);
  return stretched.map((channel, c) => {
    const length = (channels[c] as Float32Array).length;
    const out = new Float32Array(length);
    out.set(resample(channel, from, to).subarray(0, length));
    return out;
  });
}

/** Best fraction of a ratio by its continued fraction. */
function fraction(ratio: number): [number, number] {
  let [n0, d0, n1, d1] = [0, 1, 1, 0];
  for (let rest = ratio; ;) {
    const whole = Math.floor(rest);
    const [n2, d2] = [whole * n1 + n0, whole * d1 + d0];
    if (d2 > largestDenominator) return [n1, d1];
    [n0, d0, n1, d1] = [n1, d1, n2, d2];
    if (rest - whole < 1e-9) return [n1, d1];
    rest = 1 / (rest - whole);
  }
}
