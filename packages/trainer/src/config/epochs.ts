import * as z from "zod";

/** How long a run is and what a step is made of. */
export const epochFields = {
  epochs: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(100)
    .describe("Times every song is seen")
    .meta({ flag: "epochs" }),
  maxSteps: z
    .int()
    .min(1)
    .max(100_000_000)
    .optional()
    .describe("Stop after this many optimizer steps, even in the middle of an epoch")
    .meta({ flag: "max-steps" }),
  datasetRepeats: z
    .int()
    .min(1)
    .max(10_000)
    .default(1)
    .describe("How often each song stands in an epoch, besides the repeats its dataset gives it")
    .meta({ flag: "dataset-repeats" }),
  batchSize: z
    .int()
    .min(1)
    .max(512)
    .default(1)
    .describe("Songs in one micro-batch")
    .meta({ flag: "batch-size" }),
  gradientAccumulation: z
    .int()
    .min(1)
    .max(4096)
    .default(4)
    .describe("Micro-batches in one optimizer step")
    .meta({ flag: "gradient-accumulation" }),
  cropSeconds: z
    .number()
    .min(0.08)
    .max(3600)
    .optional()
    .describe("Train on crops of this length in seconds; default: whole songs")
    .meta({ flag: "crop-seconds" }),
  cropFrames: z
    .int()
    .min(2)
    .max(90_000)
    .optional()
    .describe("Train on crops of this many latent frames of 40 ms; default: whole songs")
    .meta({ flag: "crop-frames" }),
  cropPlacement: z
    .enum(["even", "random"])
    .default("even")
    .describe("even: a song's crops spread over it from epoch to epoch; random: each is drawn by itself")
    .meta({ flag: "crop-placement" }),
  regularization: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder of preprocessed tensors of other music, mixed in so that the adapter does not forget what the model could; default: none",
    )
    .meta({ flag: "regularization" }),
  regularizationRatio: z
    .number()
    .gt(0)
    .max(100)
    .default(0.5)
    .describe("Songs of the regularization set for each of the dataset's, in every epoch")
    .meta({ flag: "regularization-ratio" }),
  regularizationWeight: z
    .number()
    .gt(0)
    .max(100)
    .default(1)
    .describe("How much the loss of a song of the regularization set counts beside one of the dataset's")
    .meta({ flag: "regularization-weight" }),
};
