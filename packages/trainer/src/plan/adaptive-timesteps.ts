import type { SampleRef, SampleResult } from "@acewright/core-native";
import * as z from "zod";
import { randomStream } from "./counter-random.js";

/** Equal parts of (0, 1]. */
const bins = 10;
const smoothing = 0.99;

/** Running mean of the losses in each part of the timesteps' range, each 1 before anything was seen; part of a checkpoint. */
export const TimestepLosses = z.array(z.number()).length(bins).default(new Array<number>(bins).fill(1));
export type TimestepLosses = z.infer<typeof TimestepLosses>;

function binOf(timestep: number): number {
  return Math.min(bins - 1, Math.max(0, Math.ceil(timestep * bins) - 1));
}

/** After a step that counted: each of its losses moves the mean of its own part. */
export function afterSamples(
  before: TimestepLosses,
  samples: readonly Pick<SampleResult, "loss" | "timestep">[],
): TimestepLosses {
  const after = [...before];
  for (const { loss, timestep } of samples) {
    const bin = binOf(timestep);
    after[bin] = smoothing * (after[bin] ?? 1) + (1 - smoothing) * loss;
  }
  return after;
}

export interface AdaptiveDraws {
  readonly seed: number;
  readonly step: number;
  /** Probability that a place takes part; each place draws by itself, so that it works at batch 1. */
  readonly share: number;
  readonly losses: TimestepLosses;
}

/**
 * The micro-batches with a share of their timesteps drawn where losses are high: a part of the range with a probability
 * proportional to its mean loss, then evenly within it. The rest is left to the law of the run.
 */
export function withAdaptiveTimesteps(
  microBatches: readonly (readonly SampleRef[])[],
  draws: AdaptiveDraws,
): SampleRef[][] {
  return microBatches.map((batch) =>
    batch.map((ref) => {
      const timestep = adaptiveTimestep(draws, ref.key);
      return timestep === undefined ? ref : { ...ref, timestep };
    }),
  );
}

function adaptiveTimestep({ seed, step, share, losses }: AdaptiveDraws, key: number): number | undefined {
  const next = randomStream(seed, "adaptiveTimestep", step, key);
  if (next() >= share) return undefined;
  let left = next() * losses.reduce((sum, loss) => sum + loss, 0);
  let bin = 0;
  while (bin < bins - 1 && left >= (losses[bin] ?? 0)) left -= losses[bin++] ?? 0;
  // 1 - next() lies in (0, 1], as timesteps do.
  return (bin + 1 - next()) / bins;
}
