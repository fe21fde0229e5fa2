import type { Chroma } from "./chroma.js";
import { describeKeys, type Mode } from "./key-features.js";
import { keyWeights } from "./key-weights.js";

const names = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/** A key with how probable it is. */
export interface KeyChoice {
  tonic: number;
  mode: Mode;
  /** As dataset.json has it, with sharps: `A# minor`. */
  name: string;
  probability: number;
}

/** All 24 keys, the most probable first, by a log-linear model over `describeKeys` (`bench/analysis/train.mjs`). */
export function weighKeys(chroma: Chroma): KeyChoice[] {
  const scored = describeKeys(chroma).map(({ tonic, mode, features }) => ({
    tonic,
    mode,
    score: features.reduce((sum, value, k) => sum + value * (keyWeights[k] ?? 0), 0),
  }));
  const most = scored.reduce((best, { score }) => Math.max(best, score), -Infinity);
  const sum = scored.reduce((all, { score }) => all + Math.exp(score - most), 0);
  return scored
    .map(({ tonic, mode, score }) => ({
      tonic,
      mode,
      name: `${names[tonic] ?? ""} ${mode}`,
      probability: Math.exp(score - most) / sum,
    }))
    .sort((a, b) => b.probability - a.probability);
}

/** What one key is to another, where it is something. */
export function keyRelation(key: KeyChoice, other: KeyChoice): "relative" | "parallel" | "fifth" | undefined {
  const up = (other.tonic - key.tonic + 12) % 12;
  if (other.mode === key.mode) return up === 7 || up === 5 ? "fifth" : undefined;
  if (up === 0) return "parallel";
  return up === (key.mode === "major" ? 9 : 3) ? "relative" : undefined;
}
