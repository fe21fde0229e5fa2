import type { Chroma } from "./chroma.js";
import { onsetRateHz, type OnsetCurves } from "./onsets.js";

/** A stretch of a song that stays the same kind of music. */
export interface Section {
  startS: number;
  endS: number;
  /** `A`, `B`, ...: stretches that sound alike share a letter. */
  label: string;
  /** 0 to 1: how clearly the music changes where this begins; 1 for the first. */
  confidence: number;
}

/** Bars on either side of a boundary that are compared. */
const reach = 4;
/** No section is shorter. */
const fewestBars = 4;

/**
 * Finds where the music changes: where four bars differ most from the four before in pitch, rhythm and loudness.
 *
 * @param barsS beginnings of bars in seconds, in order
 */
export function findSections(
  barsS: readonly number[],
  durationS: number,
  onsets: OnsetCurves,
  chroma: Chroma,
): Section[] {
  const bars = barsS
    .slice(0, -1)
    .map((startS, i) => describeBar(startS, barsS[i + 1] ?? durationS, onsets, chroma));
  const novelty = boundaryStrength(standardised(bars));
  const borders = pickBorders(novelty);
  const starts = [0, ...borders.map((bar) => barsS[bar] ?? 0)];
  const labels = labelSections(standardised(bars), [0, ...borders]);
  return starts.map((startS, i) => ({
    startS,
    endS: starts[i + 1] ?? durationS,
    label: labels[i] ?? "A",
    confidence: i === 0 ? 1 : Math.min(1, novelty[borders[i - 1] ?? 0] ?? 0),
  }));
}

/** Chroma, strength of onsets in four bands, and loudness of one bar. */
function describeBar(startS: number, endS: number, onsets: OnsetCurves, chroma: Chroma): number[] {
  const frames = (rateHz: number, limit: number): [number, number] => {
    const from = Math.min(limit - 1, Math.round(startS * rateHz));
    return [from, Math.max(from + 1, Math.min(limit, Math.round(endS * rateHz)))];
  };
  const [from, to] = frames(onsetRateHz, onsets.total.length);
  const mean = (curve: Float64Array): number => {
    let sum = 0;
    for (let i = from; i < to; i++) sum += curve[i] as number;
    return sum / (to - from);
  };
  const pitches = Array.from({ length: 12 }, () => 0);
  const [first, last] = frames(chroma.rateHz, chroma.frames);
  for (let frame = first; frame < last; frame++) {
    for (let k = 0; k < 12; k++) {
      pitches[k] = (pitches[k] ?? 0) + (chroma.all[frame * 12 + k] as number) / (last - first);
    }
  }
  const rhythm = [onsets.low, onsets.body, onsets.snare, onsets.high].map(mean);
  return [...pitches.map((value) => value * 0.6), ...rhythm, Math.log(mean(onsets.energy) + 1e-9)];
}

/** Every column to mean 0; rhythm and loudness to the same spread, pitches to a common one. */
function standardised(bars: readonly number[][]): number[][] {
  const width = bars[0]?.length ?? 0;
  const column = (k: number): number[] => bars.map((bar) => bar[k] ?? 0);
  const means = Array.from({ length: width }, (_, k) => average(column(k)));
  const spreads = means.map((mean, k) => Math.sqrt(average(column(k).map((value) => (value - mean) ** 2))));
  const pitchSpread = Math.sqrt(average(spreads.slice(0, 12).map((spread) => spread * spread))) * 2 + 1e-6;
  return bars.map((bar) =>
    bar.map((value, k) => (value - (means[k] ?? 0)) / (k < 12 ? pitchSpread : (spreads[k] ?? 0) + 0.05)),
  );
}

/**
 * For each bar: how far the mean of the four bars before lies from the mean of the four after it, 0 to 1. Means, because
 * chords change from bar to bar and come round again: within a section they are alike wherever the four begin.
 */
function boundaryStrength(bars: readonly number[][]): number[] {
  return bars.map((_, bar) => {
    const before = bars.slice(Math.max(0, bar - reach), bar);
    const after = bars.slice(bar, bar + reach);
    if (before.length < reach || after.length < reach) return 0;
    const apart = distance(meanOf(before), meanOf(after));
    return apart / (apart + 2);
  });
}

function meanOf(rows: readonly number[][]): number[] {
  return (rows[0] ?? []).map((_, k) => average(rows.map((row) => row[k] ?? 0)));
}

function pickBorders(novelty: readonly number[]): number[] {
  const clear = 0.38;
  const borders: number[] = [];
  const order = novelty.map((_, bar) => bar).sort((a, b) => (novelty[b] ?? 0) - (novelty[a] ?? 0));
  for (const bar of order) {
    if ((novelty[bar] ?? 0) < clear) break;
    const isFree = borders.every((border) => Math.abs(border - bar) >= fewestBars);
    if (isFree && bar >= 2 && bar <= novelty.length - 2) borders.push(bar);
  }
  return borders.sort((a, b) => a - b);
}

/** The letter of the first section that is near enough, else the next letter. */
function labelSections(bars: readonly number[][], starts: readonly number[]): string[] {
  const means = starts.map((start, i) => {
    const rows = bars.slice(start, starts[i + 1] ?? bars.length);
    return meanOf(rows);
  });
  const kinds: number[][] = [];
  return means.map((mean) => {
    const near = kinds.findIndex((kind) => distance(kind, mean) < 1.6);
    if (near < 0) kinds.push(mean);
    return String.fromCharCode(65 + Math.min(25, near < 0 ? kinds.length - 1 : near));
  });
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, k) => sum + (value - (b[k] ?? 0)) ** 2, 0));
}

function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
