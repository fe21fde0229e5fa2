import type { TrainConfigInput } from "../../src/config.js";

/** A run with everything that writes: checkpoints, a best adapter, validation, crops, batches, accumulation. */
export const killRun = (output: string): TrainConfigInput => ({
  tensors: "songs",
  model: "models/quadratic",
  output,
  learningRate: 0.02,
  epochs: 40,
  batchSize: 2,
  gradientAccumulation: 2,
  cropFrames: 20,
  warmupSteps: 10,
  saveEverySteps: 4,
  keepCheckpoints: 2,
  validationFraction: 0.2,
  validationEvery: 7,
  validationDraws: 2,
  datasetRepeats: 2,
});
