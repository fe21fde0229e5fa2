import * as z from "zod";

/** What is timed, and how often; flags and help are derived from it. */
export const BenchmarkSettings = z.strictObject({
  seconds: z
    .array(z.number().min(1).max(600))
    .min(1)
    .max(20)
    .default([30, 60, 120, 240])
    .describe("Lengths of the invented songs in seconds, one after another; not beside tensors")
    .meta({ flag: "seconds" }),
  conditionTokens: z
    .int()
    .min(1)
    .max(4096)
    .default(769)
    .describe("Condition tokens of an invented song: caption, lyrics and timbre")
    .meta({ flag: "condition-tokens" }),
  steps: z
    .int()
    .min(1)
    .max(10_000)
    .default(10)
    .describe("Steps of each length that are timed")
    .meta({ flag: "steps" }),
  warmup: z
    .int()
    .min(0)
    .max(1000)
    .default(2)
    .describe("Steps made before them; the first traces its program, and on a GPU records its graph")
    .meta({ flag: "warmup" }),
  limitS: z
    .number()
    .gt(0)
    .max(86_400)
    .default(120)
    .describe("Seconds after which a length is left, once three of its steps are timed")
    .meta({ flag: "limit" }),
  peakTeraflops: z
    .number()
    .gt(0)
    .max(1e6)
    .optional()
    .describe(
      "The device's peak rate in TFLOP/s, to tell the share of it reached; default: some GPUs' data sheets",
    )
    .meta({ flag: "peak" }),
});
export type BenchmarkSettings = z.infer<typeof BenchmarkSettings>;
