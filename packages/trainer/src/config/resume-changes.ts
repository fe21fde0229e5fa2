import { learningRateCourse, warmupLength } from "../plan/learning-rate.js";
import { totalSteps } from "../plan/steps.js";
import { configChanges, describeChanges, type ConfigChange } from "./config-diff.js";
import type { TrainConfig } from "./train-config.js";

/** What would make a resumed run another run than one that was begun with its new settings. */
export interface ResumeChanges {
  readonly changes: readonly ConfigChange[];
  /** The changes in one line, why they matter where that needs a word; empty where there are none. */
  readonly text: string;
}

/** The settings that say how long a run is, and no more. */
const lengthSettings: ReadonlySet<string> = new Set(["epochs", "maxSteps"]);

/**
 * The settings of a run that may not differ when it goes on. A longer run does not, where it is the same so far.
 *
 * @param stepsPerEpoch of the run as it was begun.
 */
export function resumeChanges(before: TrainConfig, after: TrainConfig, stepsPerEpoch: number): ResumeChanges {
  const changes = configChanges(before, after);
  const list = describeChanges(changes);
  if (changes.length === 0 || !changes.every(({ field }) => lengthSettings.has(field)))
    return { changes, text: list };
  const reason = whyOtherSoFar(before, after, stepsPerEpoch);
  return reason === undefined ? { changes: [], text: "" } : { changes, text: `${list}; ${reason}` };
}

/**
 * Why a run would have gone otherwise so far had it been given its new length at once; undefined where it would not: the
 * same learning rates step by step, and no validation out of turn at its former end, which could be the best of all.
 * Everything else is a function of seed and step.
 */
function whyOtherSoFar(before: TrainConfig, after: TrainConfig, stepsPerEpoch: number): string | undefined {
  const [then, now] = [before, after].map((config) => {
    const steps = stepsOf(config, stepsPerEpoch);
    return {
      steps,
      warmup: warmupLength(config.warmupSteps, steps),
      rateAt: learningRateCourse(config, { steps, stepsPerEpoch }),
    };
  }) as [Course, Course];
  if (now.steps < then.steps) return `it may be past step ${now.steps} already`;
  const { validationEvery, schedule } = before;
  if (validationEvery > 0 && then.steps % validationEvery !== 0)
    return `the validation at its former end, step ${then.steps}, would be out of turn`;
  const isSame = (_: unknown, step: number): boolean => then.rateAt(step) === now.rateAt(step);
  if (then.warmup === now.warmup && Array.from({ length: then.steps }).every(isSame)) return undefined;
  return `its learning rates were those of a ${schedule} schedule over ${then.steps} steps, not ${now.steps}`;
}

interface Course {
  readonly steps: number;
  readonly warmup: number;
  readonly rateAt: (step: number) => number;
}

function stepsOf({ epochs, maxSteps, gradientAccumulation }: TrainConfig, stepsPerEpoch: number): number {
  return totalSteps({
    batchesPerEpoch: stepsPerEpoch * gradientAccumulation,
    gradientAccumulation,
    epochs,
    maxSteps,
  });
}
