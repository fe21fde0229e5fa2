import * as z from "zod";
import { deviceSetting } from "../config/device-setting.js";

/** What a generated song is made from and how; flags, help and documentation are derived from it. */
export const GenerateSettings = z.strictObject({
  caption: z
    .string()
    .min(1)
    .max(20_000)
    .describe("What the music is like; begin with the adapter's trigger word")
    .meta({ flag: "caption" }),
  lyrics: z
    .string()
    .max(100_000)
    .default("[Instrumental]")
    .describe("Words to sing, with structure tags such as [Verse]")
    .meta({ flag: "lyrics" }),
  language: z
    .string()
    .max(20)
    .default("unknown")
    .describe("Language code of the lyrics, such as en")
    .meta({ flag: "language" }),
  bpm: z.int().min(1).max(1000).optional().describe("Beats per minute").meta({ flag: "bpm" }),
  keyscale: z
    .string()
    .max(40)
    .default("")
    .describe('Key and scale, such as "C major"')
    .meta({ flag: "keyscale" }),
  timesignature: z
    .string()
    .max(10)
    .default("")
    .describe("Beats in a bar: 2, 3, 4 or 6")
    .meta({ flag: "timesignature" }),
  durationS: z
    .number()
    .min(1)
    .max(600)
    .default(60)
    .describe("Length of the song in seconds")
    .meta({ flag: "duration" }),
  seed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(42)
    .describe("Seed of the noise the song begins as")
    .meta({ flag: "seed" }),
  steps: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe("Steps from noise to music; default: 8 for turbo models, 50 for others")
    .meta({ flag: "steps" }),
  shift: z
    .number()
    .gt(0)
    .max(100)
    .optional()
    .describe(
      "Moves the steps towards the noisy end; default: 3 for turbo models (made for 1, 2 and 3), 1 for turbo-shift1 and all others",
    )
    .meta({ flag: "shift" }),
  method: z
    .enum(["ode", "sde"])
    .default("ode")
    .describe("ode follows one path; sde adds fresh noise in every step")
    .meta({ flag: "method" }),
  guidance: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe("How much the caption is exaggerated; default: 1 (off) for turbo models, 7 for others")
    .meta({ flag: "guidance" }),
  guidanceFrom: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Guidance works at times from here on; time falls from 1 (noise) to 0 (music)")
    .meta({ flag: "guidance-from" }),
  guidanceTo: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("Guidance works at times up to here")
    .meta({ flag: "guidance-to" }),
  guidanceMomentum: z
    .number()
    .min(-1)
    .max(1)
    .default(-0.75)
    .describe("How much of the last step's guidance is carried on; below 0 it is taken back")
    .meta({ flag: "guidance-momentum" }),
  guidanceLimit: z
    .number()
    .min(0)
    .max(1e6)
    .default(2.5)
    .describe("Largest length of the guidance along time, a channel; 0: no limit")
    .meta({ flag: "guidance-limit" }),
  guidanceParallel: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Share kept of the guidance that only makes things louder; 0: none (APG), 1: all (plain guidance)",
    )
    .meta({ flag: "guidance-parallel" }),
  negativeCaption: z
    .string()
    .max(20_000)
    .optional()
    .describe("What guidance leads away from, in place of the model's own nothing; needs guidance above 1")
    .meta({ flag: "negative-caption" }),
  format: z
    .enum(["pcm16", "pcm24", "float32"])
    .default("pcm16")
    .describe("Samples of the file; FLAC holds pcm16 and pcm24")
    .meta({ flag: "format" }),
  device: deviceSetting,
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe("CPU cores to use; default: all")
    .meta({ flag: "threads" }),
});
export type GenerateSettings = z.infer<typeof GenerateSettings>;

/** The fields that may differ from song to song: a row of a prompts file may hold these. */
export const songFields = [
  "caption",
  "lyrics",
  "language",
  "bpm",
  "keyscale",
  "timesignature",
  "durationS",
  "seed",
  "steps",
  "shift",
  "method",
  "guidance",
  "guidanceFrom",
  "guidanceTo",
  "negativeCaption",
] as const satisfies readonly (keyof GenerateSettings)[];

/** A song of a prompts file: the caption, and what differs from the settings of all. */
export const PromptRow = z.strictObject({
  ...GenerateSettings.pick(
    Object.fromEntries(songFields.map((field) => [field, true])) as Record<(typeof songFields)[number], true>,
  ).partial().shape,
  caption: GenerateSettings.shape.caption,
});
export type PromptRow = Partial<Pick<GenerateSettings, (typeof songFields)[number]>> & {
  readonly caption: string;
};

/** What a user may write: everything but the caption has a default. */
export type GenerateSettingsInput = z.input<typeof GenerateSettings>;
