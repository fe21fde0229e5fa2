import { framesPerSecond } from "../frames.js";
import { epochsAveraged } from "../plan/judgement.js";
import type { StepsPlan } from "../run-plan.js";
import { bestCriterion, type TrainConfig } from "./train-config.js";

/** What a run meets of its device and its songs. */
export interface RunReach {
  /** `cpu`, `cuda:0` */
  readonly device: string;
  readonly steps: Pick<StepsPlan, "steps" | "epochs">;
  readonly songFrames: readonly number[];
  /** Songs of an epoch, with repeats: no batch is larger. */
  readonly places: number;
}

/**
 * A line for each setting that a run of these songs and so many steps never comes to, so that it does nothing.
 *
 * @param config cropSeconds already told in frames.
 */
export function unreachedSettings(
  config: TrainConfig,
  { device, steps, songFrames, places }: RunReach,
): string[] {
  const {
    cropFrames,
    maxSteps,
    epochs,
    batchSize,
    bestAfterEpochs,
    targetLoss,
    targetLossWarmup,
    tuneProducts,
  } = config;
  const longest = songFrames.reduce((a, b) => Math.max(a, b), 0);
  const seconds = (frames: number) => `${Number((frames / framesPerSecond).toFixed(2))} s`;
  const best = bestCriterion(config);
  const lines: [boolean, string][] = [
    [
      tuneProducts && device === "cpu",
      "tuneProducts does nothing on the CPU, whose products leave nothing to choose",
    ],
    [
      cropFrames !== undefined && cropFrames >= longest,
      `crops of ${seconds(cropFrames ?? 0)} cut nothing: the longest song has ${seconds(longest)}, and songs are trained whole`,
    ],
    [
      maxSteps !== undefined && maxSteps > steps.steps,
      `maxSteps ${maxSteps} is not reached: epochs ${epochs} end at step ${steps.steps}; set more epochs to go on`,
    ],
    [
      batchSize > places,
      `batchSize ${batchSize} is more than the ${places} songs of an epoch: batches are of so many`,
    ],
    [
      best !== "never" && bestAfterEpochs > steps.epochs,
      `bestAfterEpochs ${bestAfterEpochs} is more than the run's epochs (${steps.epochs}): no adapter will be kept as the best`,
    ],
    [
      best === "loss" && steps.epochs < epochsAveraged,
      `bestBy loss needs ${epochsAveraged} epochs and the run has ${steps.epochs}: no adapter will be kept as the best`,
    ],
    [
      targetLoss !== undefined && targetLossWarmup >= steps.steps,
      `targetLossWarmup ${targetLossWarmup} is not less than the run's ${steps.steps} steps: the target loss never takes hold`,
    ],
  ];
  return lines.flatMap(([isSo, line]) => (isSo ? [line] : []));
}
