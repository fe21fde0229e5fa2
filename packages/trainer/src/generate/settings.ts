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
      "Moves the steps towards the noisy end; default: 3 for turbo models (made for 1, 2 and 3), 1 for others",
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
  format: z
    .enum(["pcm16", "pcm24", "float32"])
    .default("pcm16")
    .describe("Samples of the WAV file")
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
/** What a user may write: everything but the caption has a default. */
export type GenerateSettingsInput = z.input<typeof GenerateSettings>;
