import { AceError } from "@acewright/core-native";
import { z } from "zod";
import { parseVariant } from "./pieces/variant.js";

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
    .describe("seed of the posterior's noise, together with each song's content, and of random chunks"),
  maxDurationS: z
    .union([z.literal("auto"), z.number().nonnegative()])
    .default("auto")
    .describe(
      "seconds kept of each song's beginning; the prompt then speaks of this length; auto or 0 keeps whole songs",
    ),
  chunks: z
    .enum(["none", "random", "structure"])
    .default("none")
    .describe(
      "cut long songs into chunks that are trained on like songs: from seeded places, or at sections, bars and lyric lines",
    ),
  chunkS: z.number().min(4).default(60).describe("longest chunk, in seconds"),
  chunksPerSong: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe("random chunks taken of each song; 0 takes as many as cover it once"),
  normalize: z
    .enum(["none", "peak", "lufs"])
    .default("none")
    .describe(
      "bring songs to one peak or one loudness (EBU R 128), never above the ceiling; silence stays as it is",
    ),
  peakDb: z.number().min(-40).max(0).default(-1).describe("sample peak that --normalize peak aims at, dBFS"),
  lufs: z.number().min(-40).max(-5).default(-14).describe("loudness that --normalize lufs aims at, LUFS"),
  ceilingDb: z
    .number()
    .min(-20)
    .max(0)
    .default(-1)
    .describe(
      "highest true peak of normalised songs and of variants, dBTP; the whole song is turned down for it",
    ),
  variants: z
    .array(
      z.string().superRefine((text, context) => {
        const variant = parseVariant(text);
        if (typeof variant === "string") context.addIssue({ code: "custom", message: variant });
      }),
    )
    .max(32)
    .default([])
    .describe(
      "further takes of each song for small sets: pitch=SEMITONES, tempo=FACTOR, gain=DB, joined by /, such as pitch=2,tempo=0.95/gain=-3",
    ),
  fieldDropout: z
    .boolean()
    .default(false)
    .describe(
      "also encode each prompt with its caption, its lyrics or both left empty, which training with --caption-dropout or --lyrics-dropout needs",
    ),
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

/** Seconds kept of each song's beginning; undefined for all of it. */
export function keptDurationS({ maxDurationS }: PreprocessSettings): number | undefined {
  return maxDurationS === "auto" || maxDurationS === 0 ? undefined : maxDurationS;
}

/**
 * The settings among a record's keys; other keys are left aside.
 *
 * @throws {AceError} ERR_CONFIG naming the setting that does not fit.
 */
export function parsePreprocessSettings(options: Partial<PreprocessSettings>): PreprocessSettings {
  const given = Object.entries(options).filter(
    ([key, value]) => Object.hasOwn(PreprocessSettings.shape, key) && value !== undefined,
  );
  const result = PreprocessSettings.safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new AceError("ERR_CONFIG", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}`);
}
