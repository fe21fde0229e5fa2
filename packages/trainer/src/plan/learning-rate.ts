export interface LearningRateSettings {
  readonly learningRate: number;
  readonly schedule: "cosine" | "linear" | "constant";
  readonly warmupSteps: number;
  readonly warmupStartFactor: number;
  readonly minLrRatio: number;
}

/** Warm-up steps really made: at most a tenth of the run and at least one, none where none were asked for. */
export function warmupLength(warmupSteps: number, totalSteps: number): number {
  if (warmupSteps === 0) return 0;
  return Math.max(1, Math.min(warmupSteps, Math.floor(totalSteps / 10)));
}

/**
 * Learning rate of a step counted from 0. Warm-up rises linearly from `learningRate * warmupStartFactor`; after it,
 * with k steps gone of the R that remain and a floor f = learningRate * minLrRatio, cosine gives
 * f + (learningRate - f) (1 + cos(pi k / R)) / 2 and linear goes straight to f.
 */
export function learningRateAt(settings: LearningRateSettings, step: number, totalSteps: number): number {
  const { learningRate, warmupStartFactor } = settings;
  const warmup = warmupLength(settings.warmupSteps, totalSteps);
  if (step < warmup) {
    return learningRate * (warmupStartFactor + ((1 - warmupStartFactor) * step) / warmup);
  }
  if (settings.schedule === "constant") return learningRate;
  const floor = learningRate * settings.minLrRatio;
  const gone = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
  if (settings.schedule === "linear") return learningRate + (floor - learningRate) * gone;
  return floor + ((learningRate - floor) * (1 + Math.cos(Math.PI * gone))) / 2;
}
