/** An exponential mean in which the first values weigh no more than others: its value is sum / weight. */
export interface RunningMean {
  readonly sum: number;
  readonly weight: number;
}

/** @param keep weight of the past, 0 to 1 */
export function withValue({ sum, weight }: RunningMean, value: number, keep: number): RunningMean {
  return { sum: keep * sum + (1 - keep) * value, weight: keep * weight + (1 - keep) };
}

/** Undefined before the first value. */
export function meanOf({ sum, weight }: RunningMean): number | undefined {
  return weight === 0 ? undefined : sum / weight;
}
