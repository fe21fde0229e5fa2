import { trackBeats } from "./beats.js";
import type { Chroma } from "./chroma.js";
import { onsetRateHz, type OnsetCurves } from "./onsets.js";
import { Autocorrelation, refinePeriod } from "./periodicity.js";

/** Beats a minute that are considered at all; dataset.json takes 30 to 300. */
export const slowestBpm = 40;
export const fastestBpm = 240;

/** A pulse that may be the beat. */
export interface Pulse {
  periodS: number;
  /** Frames of the onset curves. */
  beats: Int32Array;
  /** What {@link describePulse} measures. */
  features: number[];
}

/** Lags of the onset curves that are looked at, in beats. */
const lags = [1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2, 3, 4, 6, 8];
const beatLags = [1, 2, 3, 4, 6, 8];
const fractions = [1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4];
/** Multiples of the clearest periods that may be the beat instead. */
const related = [1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2, 3];

/** All pulses worth a look, each described by how the music behaves at its multiples and parts. */
export function findPulses(onsets: OnsetCurves, chroma: Chroma): Pulse[] {
  const [shortestS, longestS] = [60 / fastestBpm, 60 / slowestBpm];
  const curves = [onsets.total, onsets.low, onsets.snare].map(
    (curve) => new Autocorrelation(curve, longestS * 8.2),
  );
  const [total] = curves;
  const peaks = total?.peaks(shortestS, longestS).slice(0, 7) ?? [];
  const guesses = [...peaks, ...peaks.slice(0, 3).flatMap((lag) => related.map((ratio) => lag * ratio))];
  const periods: number[] = [];
  for (const guess of guesses) {
    if (guess < shortestS || guess > longestS) continue;
    if (periods.some((period) => Math.abs(period / guess - 1) < 0.03)) continue;
    const refined = refinePeriod(onsets.total, guess);
    if (!periods.some((period) => Math.abs(period / refined - 1) < 0.02)) periods.push(refined);
  }
  return periods.map((periodS) => {
    const beats = trackBeats(onsets.total, periodS);
    return { periodS, beats, features: describePulse(periodS, beats, onsets, curves, chroma) };
  });
}

/** One row of numbers; the metre model (`metre-model.ts`) weighs them. */
function describePulse(
  periodS: number,
  beats: Int32Array,
  onsets: OnsetCurves,
  curves: readonly Autocorrelation[],
  chroma: Chroma,
): number[] {
  const octaves = Math.log2(60 / periodS / 110);
  const at = (curve: Float64Array): Float64Array => strengthAt(curve, beats, 0);
  const [low, snare, total] = [at(onsets.low), at(onsets.snare), at(onsets.total)];
  const harmony = harmonyChanges(chroma, beats);
  const between = fractions.flatMap((fraction) =>
    [onsets.total, onsets.high].map((curve) => {
      const [on, off] = [mean(strengthAt(curve, beats, 0)), mean(strengthAt(curve, beats, fraction))];
      return on + off > 0 ? off / (on + off) : 0;
    }),
  );
  return [
    octaves,
    octaves * octaves,
    ...curves.flatMap((curve) => lags.map((lag) => curve.at(lag * periodS))),
    ...[low, snare, harmony, total].flatMap((row) => beatLags.map((lag) => likeness(row, row, lag))),
    ...between,
    ...[0, 1, 2].map((lag) => likeness(low, snare, lag)),
    mean(total) / Math.max(1e-9, deviation(onsets.total)),
  ];
}

/** The strongest moment within 30 ms of each beat, or of a place between two beats. */
function strengthAt(curve: Float64Array, beats: Int32Array, fraction: number): Float64Array {
  const slack = 3;
  return Float64Array.from({ length: Math.max(0, beats.length - 1) }, (_, i) => {
    const [here, next] = [beats[i] ?? 0, beats[i + 1] ?? 0];
    const frame = Math.round(here + fraction * (next - here));
    let best = 0;
    for (let f = Math.max(0, frame - slack); f <= frame + slack; f++) best = Math.max(best, curve[f] ?? 0);
    return best;
  });
}

/** How much the pitches of each beat differ from those of the beat before: 0 the same, 1 nothing in common. */
export function harmonyChanges(chroma: Chroma, beats: Int32Array): Float64Array {
  const rows = beatChroma(chroma, beats);
  return Float64Array.from({ length: rows.length }, (_, i) => {
    const [before, here] = [rows[i - 1], rows[i]];
    return before === undefined || here === undefined ? 0 : 1 - cosine(before, here);
  });
}

/** Pitches and bass of each beat, 24 values. */
function beatChroma(chroma: Chroma, beats: Int32Array): Float64Array[] {
  return Array.from({ length: Math.max(0, beats.length - 1) }, (_, i) => {
    const seconds = (index: number): number => (beats[index] ?? 0) / onsetRateHz;
    // A spectrum's frame reaches over the beat before; the first quarter is left out.
    const from = Math.round((seconds(i) + (seconds(i + 1) - seconds(i)) * 0.25) * chroma.rateHz);
    const to = Math.max(from + 1, Math.round(seconds(i + 1) * chroma.rateHz));
    const row = new Float64Array(24);
    for (let frame = from; frame < Math.min(to, chroma.frames); frame++) {
      for (let k = 0; k < 12; k++) {
        row[k] = (row[k] as number) + (chroma.all[frame * 12 + k] as number);
        row[12 + k] = (row[12 + k] as number) + (chroma.bass[frame * 12 + k] as number);
      }
    }
    return row;
  });
}

function cosine(a: Float64Array, b: Float64Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 1;
}

/** Correlation of two rows, the second so many beats later. */
function likeness(a: Float64Array, b: Float64Array, lag: number): number {
  const count = a.length - lag;
  if (count < 4) return 0;
  const [meanA, meanB] = [mean(a), mean(b)];
  let sum = 0;
  for (let i = 0; i < count; i++) sum += ((a[i] as number) - meanA) * ((b[i + lag] as number) - meanB);
  const scale = deviation(a) * deviation(b) * count;
  return scale > 0 ? sum / scale : 0;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function deviation(values: Float64Array): number {
  const centre = mean(values);
  const square = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(square / Math.max(1, values.length));
}
