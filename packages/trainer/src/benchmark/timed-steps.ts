import type { SampleRef, StepResult } from "@acewright/core-native";
import type { CheckedRun } from "../check-run.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import type { OpenRun } from "../train/open-run.js";
import { StepPlanner } from "../train/step-batches.js";

/** One step of a run, made in memory. */
export interface TimedStep {
  readonly microBatches: readonly (readonly SampleRef[])[];
  /** Wall time from asking for the step to its result. */
  readonly milliseconds: number;
  readonly result: StepResult;
}

/**
 * A run's own steps from its first on, each forward, backward and update, until nobody asks for more or a stop is requested.
 * The songs, their order and crops are those that `train` would meet.
 */
export async function* timedSteps(
  run: CheckedRun,
  { session, handles }: Pick<OpenRun, "session" | "handles">,
  stop: StopRequest,
): AsyncGenerator<TimedStep> {
  const planner = new StepPlanner({ ...run, plan: run.steps, handles });
  for (let step = 0; !stop.isRequested; step++) {
    const { microBatches } = planner.batchesOf(step);
    const begin = performance.now();
    const work = session.step({ step, learningRate: run.config.learningRate, microBatches });
    const result = await stop.race(work);
    if (result === stoppedAtOnce) return;
    yield { microBatches, milliseconds: performance.now() - begin, result };
  }
}
