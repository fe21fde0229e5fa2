/** How micro-batches become optimizer steps. */
export interface StepSettings {
  readonly batchesPerEpoch: number;
  readonly gradientAccumulation: number;
  readonly epochs: number;
  readonly maxSteps: number | undefined;
}

/** Optimizer steps of one epoch: what does not fill the last one is a smaller step, never lost nor carried over. */
export function stepsPerEpoch(
  settings: Pick<StepSettings, "batchesPerEpoch" | "gradientAccumulation">,
): number {
  return Math.ceil(settings.batchesPerEpoch / settings.gradientAccumulation);
}

/** Optimizer steps of the whole run. */
export function totalSteps(settings: StepSettings): number {
  return Math.min(settings.epochs * stepsPerEpoch(settings), settings.maxSteps ?? Infinity);
}

/** Where a step (counted from 0) stands: its epoch (from 0) and its micro-batches [from, to) within that epoch. */
export function stepPosition(
  settings: Pick<StepSettings, "batchesPerEpoch" | "gradientAccumulation">,
  step: number,
): { epoch: number; from: number; to: number; endsEpoch: boolean } {
  const perEpoch = stepsPerEpoch(settings);
  const epoch = Math.floor(step / perEpoch);
  const from = (step % perEpoch) * settings.gradientAccumulation;
  const to = Math.min(from + settings.gradientAccumulation, settings.batchesPerEpoch);
  return { epoch, from, to, endsEpoch: to === settings.batchesPerEpoch };
}
