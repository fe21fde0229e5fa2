import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { nodeFiles } from "../../src/run/files.js";
import type { TrainParts } from "../../src/train/open-run.js";
import { quadraticModel, testSongs } from "../quadratic-model.js";
import { toyParts, toyRun } from "../toy.js";
import { resumeMatrix, type MatrixRun } from "./resume-matrix.js";

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

/** A run that is to be killed: what trains, and how. */
export interface KillRun {
  readonly parts: () => TrainParts;
  readonly config: (output: string) => TrainConfigInput;
}

/** The runs that are killed often: many fast steps of the small model, and fewer of the real core on the toy checkpoint. */
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
} as const satisfies Record<string, KillRun>;

/** Where a run of the matrix finds the adapter that it continues, if it does: beside its own folder. */
export const startFolder = (run: string) => join(dirname(run), "start", "final");

/** A run of the matrix on the real core: a checkpoint every few steps, every step in the log. */
function matrixRun({ changes, continues }: MatrixRun): KillRun {
  return {
    parts: toyParts,
    config: (output) =>
      toyRun(output, {
        epochs: 12,
        cropFrames: 16,
        logEvery: 1,
        gradientAccumulation: 2,
        ...changes,
        ...(continues && { from: startFolder(output) }),
      }),
  };
}

/** A run by its name, as a child process is told it. */
export function killRun(name: string): KillRun {
  if (name in killRuns) return killRuns[name as keyof typeof killRuns];
  const entry = resumeMatrix.find((run) => run.name === name);
  if (entry === undefined) throw new Error(`no run is called ${name}`);
  return matrixRun(entry);
}
