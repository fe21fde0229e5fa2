import { AceError } from "@acewright/core-native";
import { compileFormula, type FormulaValues } from "./schedule-formula.js";

/** Courses of the learning rate after the warm-up. */
export const schedules = ["cosine", "cosine-restarts", "linear", "polynomial", "constant", "custom"] as const;

export interface LearningRateSettings {
  readonly learningRate: number;
  readonly schedule: (typeof schedules)[number];
  readonly scheduleRestarts: number;
  readonly schedulePower: number;
  readonly scheduleFormula?: string | undefined;
  readonly warmupSteps: number;
  readonly warmupStartFactor: number;
  readonly minLrRatio: number;
}

/** The run that a schedule spans. */
export interface ScheduleSpan {
  readonly steps: number;
  readonly stepsPerEpoch: number;
}

/** Warm-up steps really made: at most a tenth of the run and at least one, none where none were asked for. */
export function warmupLength(warmupSteps: number, totalSteps: number): number {
  if (warmupSteps === 0) return 0;
  return Math.max(1, Math.min(warmupSteps, Math.floor(totalSteps / 10)));
}

/**
 * The learning rate of each step, counted from 0. Warm-up rises linearly from `learningRate * warmupStartFactor`; after
 * it, with k steps gone of the R that remain, p = k / R and a floor f = learningRate * minLrRatio:
 * cosine f + (learningRate - f) (1 + cos(pi p)) / 2; cosine-restarts the same over each of `scheduleRestarts` equal parts;
 * polynomial f + (learningRate - f) (1 - p)^power, of which linear is power 1; custom its formula.
 *
 * @throws {AceError} ERR_CONFIG for a formula that cannot be read, or that gives no learning rate at some step.
 */
export function learningRateCourse(
  settings: LearningRateSettings,
  span: ScheduleSpan,
): (step: number) => number {
  const { learningRate, warmupStartFactor } = settings;
  const warmup = warmupLength(settings.warmupSteps, span.steps);
  const after = afterWarmup(settings, { steps: span.steps - warmup, stepsPerEpoch: span.stepsPerEpoch });
  return (step) => {
    if (step >= warmup) return after(step - warmup);
    return learningRate * (warmupStartFactor + ((1 - warmupStartFactor) * step) / warmup);
  };
}

function afterWarmup(settings: LearningRateSettings, span: ScheduleSpan): (gone: number) => number {
  const { learningRate: peak } = settings;
  const floor = peak * settings.minLrRatio;
  const length = Math.max(1, span.steps);
  const share = (gone: number) => Math.min(1, gone / length);
  const cosine = (at: number) => floor + ((peak - floor) * (1 + Math.cos(Math.PI * at))) / 2;
  const polynomial = (power: number) => (gone: number) => floor + (peak - floor) * (1 - share(gone)) ** power;
  switch (settings.schedule) {
    case "constant":
      return () => peak;
    case "linear":
      return polynomial(1);
    case "polynomial":
      return polynomial(settings.schedulePower);
    case "cosine":
      return (gone) => cosine(share(gone));
    case "cosine-restarts": {
      const period = length / settings.scheduleRestarts;
      return (gone) => cosine((gone % period) / period);
    }
    case "custom":
      return custom(settings, span);
  }
}

/** Every step is tried before the first is made: a formula that goes wrong late would cost the run. */
function custom(
  settings: LearningRateSettings,
  { steps, stepsPerEpoch }: ScheduleSpan,
): (gone: number) => number {
  const { scheduleFormula: text = "" } = settings;
  const formula = compileFormula(text);
  const valuesAt = (step: number): FormulaValues => ({
    step,
    total_steps: steps,
    progress: steps > 0 ? step / steps : 0,
    epoch: Math.floor(step / stepsPerEpoch),
    total_epochs: Math.ceil(steps / stepsPerEpoch),
    steps_per_epoch: stepsPerEpoch,
    base_lr: settings.learningRate,
  });
  const course = (step: number) => formula(valuesAt(step));
  for (let step = 0; step < steps; step++) {
    const rate = course(step);
    if (Number.isFinite(rate) && rate >= 0) continue;
    throw new AceError(
      "ERR_CONFIG",
      `scheduleFormula gives ${rate} at step ${step} of the ${steps} after the warm-up; a learning rate is a finite number from 0`,
    );
  }
  return course;
}
