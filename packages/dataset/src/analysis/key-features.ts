import type { Chroma } from "./chroma.js";

export type Mode = "major" | "minor";

/** How much each pitch class belongs to a key, from its tonic. */
const profiles: Readonly<Record<Mode, readonly (readonly number[])[]>> = {
  major: [
    // Krumhansl and Kessler 1982; Temperley 2001 (Kostka-Payne); Albrecht and Shanahan 2013.
    [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
    [0.748, 0.06, 0.488, 0.082, 0.67, 0.46, 0.096, 0.715, 0.104, 0.366, 0.057, 0.4],
    [0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.08, 0.008, 0.081],
  ],
  minor: [
    [6.33, 2.68, 3.52, 5.38, 2.6, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    [0.712, 0.084, 0.474, 0.618, 0.049, 0.46, 0.105, 0.747, 0.404, 0.067, 0.133, 0.33],
    [0.22, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052],
  ],
};

/** A key that may be the song's. */
export interface KeyCandidate {
  /** 0 is C. */
  tonic: number;
  mode: Mode;
  features: number[];
}

/** All 24 keys, each described by how well the song fits; the weights are in `key-model.ts`. */
export function describeKeys(chroma: Chroma): KeyCandidate[] {
  const { from, to } = soundingFrames(chroma);
  const seconds = (count: number): number => Math.max(1, Math.round(count * chroma.rateHz));
  const all = sumRows(chroma.all, chroma.weight, from, to);
  const bass = sumRows(chroma.bass, chroma.weight, from, to);
  const opening = sumRows(chroma.all, chroma.weight, from, Math.min(to, from + seconds(2)));
  const openingBass = sumRows(chroma.bass, chroma.weight, from, Math.min(to, from + seconds(2)));
  const ending = sumRows(chroma.all, chroma.weight, Math.max(from, to - seconds(3)), to);
  const endingBass = sumRows(chroma.bass, chroma.weight, Math.max(from, to - seconds(3)), to);
  const chords = chordShares(chroma, from, to);
  return (["major", "minor"] as const).flatMap((mode) =>
    Array.from({ length: 12 }, (_, tonic): KeyCandidate => {
      const turn = (row: Float64Array): number[] =>
        Array.from({ length: 12 }, (_, k) => row[(k + tonic) % 12] ?? 0);
      const third = mode === "major" ? 4 : 3;
      const triad = (row: number[]): number => (row[0] ?? 0) + (row[third] ?? 0) + (row[7] ?? 0);
      const own = turn(all);
      const low = turn(bass);
      return {
        tonic,
        mode,
        features: [
          ...profiles[mode].map((profile) => correlation(own, profile)),
          correlation(low, profiles[mode][0] ?? []),
          low[0] ?? 0,
          low[7] ?? 0,
          own[0] ?? 0,
          (own[third] ?? 0) - (own[7 - third] ?? 0),
          triad(turn(opening)),
          turn(openingBass)[0] ?? 0,
          triad(turn(ending)),
          turn(endingBass)[0] ?? 0,
          chords[tonic + (mode === "major" ? 0 : 12)] ?? 0,
          chords[((tonic + 7) % 12) + 0] ?? 0,
          mode === "major" ? 1 : 0,
        ],
      };
    }),
  );
}

/** From the first to the last frame that is not near silence. */
function soundingFrames({ weight, frames }: Chroma): { from: number; to: number } {
  const sorted = Float32Array.from(weight).sort();
  const usual = sorted[Math.floor(sorted.length * 0.75)] ?? 0;
  let [from, to] = [0, frames];
  while (from < frames - 1 && (weight[from] as number) < usual * 0.15) from++;
  while (to > from + 1 && (weight[to - 1] as number) < usual * 0.15) to--;
  return { from, to };
}

/** Mean of rows by the root of their weight, so that a loud part does not speak for the whole. Sums to 1. */
function sumRows(rows: Float32Array, weight: Float32Array, from: number, to: number): Float64Array {
  const sum = new Float64Array(12);
  let all = 0;
  for (let frame = from; frame < to; frame++) {
    const share = Math.sqrt(weight[frame] as number);
    for (let k = 0; k < 12; k++) {
      const value = share * (rows[frame * 12 + k] as number);
      sum[k] = (sum[k] as number) + value;
      all += value;
    }
  }
  return all > 0 ? sum.map((value) => value / all) : sum;
}

/** How much of the time each triad fits best: 12 major from C, then 12 minor. */
function chordShares(chroma: Chroma, from: number, to: number): Float64Array {
  const shares = new Float64Array(24);
  for (let frame = from; frame < to; frame++) {
    let [best, bestFit] = [-1, 0];
    for (let chord = 0; chord < 24; chord++) {
      const root = chord % 12;
      const third = chord < 12 ? 4 : 3;
      const value = (step: number): number => chroma.all[frame * 12 + ((root + step) % 12)] as number;
      const bass = chroma.bass[frame * 12 + root] as number;
      const fit = value(0) + value(third) + 0.8 * value(7) + 0.3 * bass;
      if (fit > bestFit) [best, bestFit] = [chord, fit];
    }
    if (best >= 0) shares[best] = (shares[best] as number) + 1 / (to - from);
  }
  return shares;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [average(a), average(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < 12; i++) {
    const [x, y] = [(a[i] ?? 0) - meanA, (b[i] ?? 0) - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
