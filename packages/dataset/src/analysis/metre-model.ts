import { metreBiases, metreWeights } from "./metre-weights.js";
import type { Pulse } from "./pulse-features.js";

/** As the official prompt counts: beats of a bar. */
export type TimeSignature = "3" | "4" | "6";
const metres: readonly TimeSignature[] = ["3", "4", "6"];

/** How probable each pulse is as the beat, in each metre; all of them sum to 1. */
export interface MetreChoice {
  pulse: Pulse;
  timesignature: TimeSignature;
  probability: number;
}

/**
 * Weighs every pulse in every metre: a log-linear model over `describePulse`, fitted on rendered songs
 * (`bench/analysis/train.mjs`). In 6/8 the pulse is the dotted quarter.
 *
 * @returns the most probable first
 */
export function weighMetres(pulses: readonly Pulse[]): MetreChoice[] {
  const scored = pulses.flatMap((pulse) =>
    metres.map((timesignature, m) => ({ pulse, timesignature, score: scoreOf(pulse.features, m) })),
  );
  const most = scored.reduce((best, { score }) => Math.max(best, score), -Infinity);
  const raised = scored.map((choice) => ({ ...choice, probability: Math.exp(choice.score - most) }));
  const sum = raised.reduce((all, { probability }) => all + probability, 0);
  return raised
    .map(({ pulse, timesignature, probability }) => ({
      pulse,
      timesignature,
      probability: probability / sum,
    }))
    .sort((a, b) => b.probability - a.probability);
}

function scoreOf(features: readonly number[], metre: number): number {
  const weights = metreWeights[metre] ?? [];
  return features.reduce((sum, value, k) => sum + value * (weights[k] ?? 0), metreBiases[metre] ?? 0);
}
