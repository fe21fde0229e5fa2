/** Cruise control: the learning rate falls as the smoothed loss comes near a target. */
export interface CruiseSettings {
  /** Undefined: off. */
  readonly targetLoss?: number | undefined;
  readonly targetLossFloor: number;
  readonly targetLossWarmup: number;
  readonly targetLossSmoothing: number;
}

/** What it remembers between steps. */
export interface CruiseState {
  /** Exponential mean of the losses; null before the first. */
  readonly mean: number | null;
  readonly last: number | null;
}

export function afterLoss(settings: CruiseSettings, { mean }: CruiseState, loss: number): CruiseState {
  const keep = settings.targetLossSmoothing;
  return { mean: mean === null ? loss : keep * mean + (1 - keep) * loss, last: loss };
}

/** Above this share of the target over it, the rate is the schedule's own. */
const reach = 0.3;

/**
 * What the schedule's learning rate is multiplied by in a step (counted from 0), given the losses before it. Above the
 * target T, with h = (mean - T) / (0.3 T) within 0 to 1: floor + h^2 (3 - 2 h) (1 - floor). Below: floor exp(-10 (T - mean) / T).
 * A last loss below T holds it at the floor. 1 until the warm-up is over.
 */
export function cruiseScale(
  settings: CruiseSettings,
  { mean, last }: CruiseState,
  { step, warmupSteps }: { readonly step: number; readonly warmupSteps: number },
): number {
  const { targetLoss: target, targetLossFloor: floor } = settings;
  if (target === undefined || mean === null || last === null) return 1;
  if (step < Math.max(settings.targetLossWarmup, warmupSteps)) return 1;
  if (mean < target) return floor * Math.exp((-10 * (target - mean)) / target);
  const h = Math.min(1, (mean - target) / (reach * target));
  const scale = floor + h * h * (3 - 2 * h) * (1 - floor);
  return last < target ? Math.min(scale, floor) : scale;
}
