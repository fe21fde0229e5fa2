import { z } from "zod";

/** What a user may choose about checks; flags, help and documentation are derived from it. */
export const CheckSettings = z.strictObject({
  conditioning: z
    .enum(["inference", "official"])
    .default("inference")
    .describe("how prompts will be made, which sets how many tokens are read"),
  minDurationS: z.number().min(1).default(5).describe("seconds below which a song is told to be too short"),
  maxDurationS: z
    .number()
    .positive()
    .default(600)
    .describe("seconds above which a song is told to be too long; the model knows up to 600"),
  edgeSilenceS: z
    .number()
    .positive()
    .default(5)
    .describe("seconds of silence (below -60 dBFS) at the start or end that are worth telling"),
  workers: z
    .int()
    .positive()
    .optional()
    .describe("songs decoded at the same time; default one less than the cores, at most 4"),
});
export type CheckSettings = z.infer<typeof CheckSettings>;
