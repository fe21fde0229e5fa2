import { setTimeout as sleep } from "node:timers/promises";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { nodeFiles } from "../../src/run/files.js";
import type { TrainParts } from "../../src/train/open-run.js";
import { quadraticModel, testSongs } from "../quadratic-model.js";
import { toyParts, toyRun } from "../toy.js";

/** Everything that writes and everything random: checkpoints, a best adapter, validation, crops, batches, accumulation. */
const busy: Partial<TrainConfigInput> = {
  batchSize: 2,
  gradientAccumulation: 2,
  saveEverySteps: 4,
  keepCheckpoints: 2,
  validationFraction: 0.2,
  validationEvery: 7,
  validationDraws: 2,
  datasetRepeats: 2,
};

/** The runs that are killed: many fast steps of the small model, and fewer of the real core on the toy checkpoint. */
export const killRuns = {
  quadratic: {
    parts: (): TrainParts => ({
      native: quadraticModel({ duringStep: () => sleep(2) }),
      openSamples: () => Promise.resolve(testSongs()),
      files: nodeFiles,
      openSongMaker: () => {
        throw new Error("no samples are asked for");
      },
    }),
    config: (output: string): TrainConfigInput => ({
      tensors: "songs",
      model: "models/quadratic",
      output,
      learningRate: 0.02,
      epochs: 40,
      cropFrames: 20,
      warmupSteps: 10,
      ...busy,
    }),
  },
  toy: {
    parts: toyParts,
    config: (output: string): TrainConfigInput => toyRun(output, { epochs: 24, cropFrames: 16, ...busy }),
  },
} as const;
export type KillRun = keyof typeof killRuns;
