import { z } from "zod";

/** How a dataset is analysed: flags and help of the command line derive from here. */
export const AnalysisSettings = z.strictObject({
  overwrite: z
    .boolean()
    .default(false)
    .describe(
      "replace the tempo, key and time signature a song has; without it only missing ones are filled in",
    ),
  again: z.boolean().default(false).describe("listen again to songs that have been analysed"),
  minConfidence: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe("write only values that are at least this sure; the others stay empty"),
  checkBelow: z
    .number()
    .min(0)
    .max(1)
    .default(0.6)
    .describe("put values less sure than this on the list of what a person should check"),
  threads: z
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe("songs at the same time; default: one for each core"),
});
export type AnalysisSettings = z.infer<typeof AnalysisSettings>;
