import { onsetRateHz } from "./onsets.js";

/** Weight of an even pulse against strong onsets (Ellis 2007). */
const tightness = 100;

/**
 * Beat times by dynamic programming: the sequence that meets the strongest onsets at intervals near the period.
 *
 * @param curve onset strength at {@link onsetRateHz}
 * @returns frames, in ascending order
 */
export function trackBeats(curve: Float64Array, periodS: number): Int32Array {
  const period = periodS * onsetRateHz;
  const nearest = Math.max(1, Math.floor(period * 0.8));
  const farthest = Math.ceil(period * 1.25);
  const penalties = Float64Array.from(
    { length: farthest - nearest + 1 },
    (_, k) => tightness * Math.log((nearest + k) / period) ** 2,
  );
  const spread = deviation(curve) || 1;
  const score = new Float64Array(curve.length);
  const from = new Int32Array(curve.length).fill(-1);
  for (let frame = 0; frame < curve.length; frame++) {
    let best = 0;
    for (let k = 0; k < penalties.length; k++) {
      const before = frame - nearest - k;
      if (before < 0) break;
      const value = (score[before] as number) - (penalties[k] as number);
      if (value > best) {
        best = value;
        from[frame] = before;
      }
    }
    score[frame] = best + (curve[frame] as number) / spread;
  }
  return walkBack(score, from, farthest);
}

function walkBack(score: Float64Array, from: Int32Array, farthest: number): Int32Array {
  let last = score.length - 1;
  for (let frame = last; frame >= Math.max(0, score.length - farthest); frame--) {
    if ((score[frame] as number) > (score[last] as number)) last = frame;
  }
  const beats: number[] = [];
  for (let frame = last; frame >= 0; frame = from[frame] ?? -1) beats.push(frame);
  return Int32Array.from(beats.reverse());
}

function deviation(curve: Float64Array): number {
  const mean = curve.reduce((sum, value) => sum + value, 0) / Math.max(1, curve.length);
  const square = curve.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(square / Math.max(1, curve.length));
}
