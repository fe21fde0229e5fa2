import { AceError } from "@acewright/core-native";
import * as z from "zod";
import { checkRun, refuseTooLarge } from "./check-run.js";
import type { TrainConfigInput } from "./config/train-config.js";
import type { NativePort } from "./native-port.js";
import { native } from "./native.js";
import { parseConfig } from "./config/parse-config.js";
import { parseWith } from "./config/parse-with.js";
import { readCurve, type LearningRatePoint, type LearningRateVerdict } from "./plan/learning-rate-curve.js";
import type { OpenSamples } from "./sample-source.js";
import { StopRequest, stoppedAtOnce } from "./stop-request.js";
import { openTensorSamples } from "./tensor-samples.js";
import { askValidation } from "./train/ask-validation.js";
import { openNative, type Opened } from "./train/open-run.js";
import { StepPlanner } from "./train/step-batches.js";

/** The sweep; flags and help are derived from it. */
export const SweepSettings = z
  .strictObject({
    low: z
      .number()
      .gt(0)
      .max(100)
      .default(1e-6)
      .describe("Learning rate the sweep begins with")
      .meta({ flag: "lr-low" }),
    high: z
      .number()
      .gt(0)
      .max(100)
      .default(0.1)
      .describe("Learning rate it ends with, unless the loss runs away before")
      .meta({ flag: "lr-high" }),
    steps: z
      .int()
      .min(10)
      .max(10_000)
      .default(60)
      .describe("Steps of the sweep, evenly spaced on a logarithmic axis")
      .meta({ flag: "lr-steps" }),
  })
  .refine(({ low, high }) => low < high, { path: ["high"], message: "must be above low" });

export interface FindLearningRateOptions {
  readonly sweep?: z.input<typeof SweepSettings>;
  /** Ends the sweep after the step in hand; what was found so far is given. */
  readonly signal?: AbortSignal;
  readonly onPoint?: (point: LearningRatePoint, done: number, total: number) => void;
}

export interface LearningRateSweep extends LearningRateVerdict {
  readonly points: readonly LearningRatePoint[];
  /** The loss before the first step. */
  readonly lossBefore: number;
}

/** Songs whose held-out-noise loss is asked after each step: enough to see a trend, few enough to be quick. */
const askedSongs = 8;

/**
 * Trains a fresh adapter in memory while the learning rate grows from step to step, and reads off the curve where the loss
 * falls fastest. No average of the weights is kept: it would show a step's effect long after it. Each point is a loss over the same noises and timesteps, so the points can be compared. Nothing is written.
 *
 * @throws {AceError} whatever `train` would refuse, and ERR_CONFIG for a range that is none and for prodigy.
 */
export function findLearningRate(
  config: TrainConfigInput,
  options: FindLearningRateOptions = {},
): Promise<LearningRateSweep> {
  return findLearningRateWith({ native, openSamples: openTensorSamples }, config, options);
}

/** {@link findLearningRate} on given parts. */
export async function findLearningRateWith(
  parts: { readonly native: NativePort; readonly openSamples: OpenSamples },
  input: TrainConfigInput,
  options: FindLearningRateOptions = {},
): Promise<LearningRateSweep> {
  const { low, high, steps } = parseWith(SweepSettings, options.sweep ?? {}, "sweep");
  const given = parseConfig(input);
  if (given.optimizer.kind === "prodigy") {
    throw new AceError(
      "ERR_CONFIG",
      "optimizer.kind: prodigy finds its own learning rate, there is none to look for; leave learningRate at 1, optimizer.distanceCoefficient makes it bolder or gentler",
    );
  }
  const checked = await checkRun({ ...given, validationDraws: 1, emaDecay: 0 }, parts);
  refuseTooLarge(checked);
  const closers: (() => void)[] = [];
  const opened: Opened = { onDisk: (close) => closers.push(close), native: (close) => closers.push(close) };
  const stop = new StopRequest(options.signal);
  try {
    const run = { ...checked, ...(await openNative(checked, opened)) };
    const split = { ...run.split, validation: run.split.training.slice(0, askedSongs) };
    const planner = new StepPlanner({ ...run, plan: run.steps });
    const ask = async () => (await askValidation({ ...run, split }, stop))?.loss;
    const lossBefore = (await ask()) ?? Number.NaN;
    const points: LearningRatePoint[] = [];
    for (let step = 0; step < steps && !stop.isRequested; step++) {
      const learningRate = low * (high / low) ** (step / (steps - 1));
      const { microBatches } = planner.batchesOf(step);
      if ((await stop.race(run.session.step({ step, learningRate, microBatches }))) === stoppedAtOnce) break;
      const loss = await ask();
      if (loss === undefined) break;
      const point = { learningRate, loss };
      points.push(point);
      options.onPoint?.(point, points.length, steps);
      if (!(loss < 3 * lossBefore)) break;
    }
    return { points, lossBefore, ...readCurve(points, lossBefore) };
  } finally {
    await stop.workInHand;
    for (const close of closers.reverse()) close();
  }
}
