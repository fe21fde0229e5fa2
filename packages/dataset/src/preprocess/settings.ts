import { z } from "zod";

/** What a user may choose about preprocessing; flags, help and documentation are derived from it. */
export const PreprocessSettings = z.strictObject({
  conditioning: z
    .enum(["inference", "official"])
    .default("inference")
    .describe(
      "prompts and timbre as the model reads them when it generates, or as the official trainer feeds them",
    ),
  posterior: z
    .enum(["sample", "mean"])
    .default("sample")
    .describe("latents drawn from the autoencoder's posterior as upstream does, or its mean"),
  seed: z
    .int()
    .min(0)
    .max(0xffffffff)
    .default(0)
    .describe("seed of the posterior's noise, together with each song's content"),
  maxDurationS: z
    .number()
    .positive()
    .optional()
    .describe("seconds kept of each song's beginning; the prompt then speaks of this length; default all"),
  device: z
    .enum(["auto", "cpu", "cuda"])
    .default("auto")
    .describe(
      "where the networks run; auto takes CUDA where it can be used: by onnxruntime for autoencoder and text encoder, by the native core for the condition encoder",
    ),
  shards: z
    .number()
    .min(0.001)
    .max(64)
    .optional()
    .describe(
      "many songs a file, each file up to so many GiB (1 to 4 suit sets of 10,000 songs and more); default a file a song",
    ),
  threads: z.int().positive().optional().describe("CPU cores a network may use; default all"),
});
export type PreprocessSettings = z.infer<typeof PreprocessSettings>;
