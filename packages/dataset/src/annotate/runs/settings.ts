import { z } from "zod";

/** What every annotation run may choose; flags, help and checks are derived from it. */
const common = {
  model: z.string().trim().min(1).optional().describe("model of the provider; default: its usual one"),
  baseUrl: z
    .string()
    .trim()
    .optional()
    .describe("address of the service, for a server of your own; OPENAI_BASE_URL for provider openai"),
  concurrency: z.int().min(1).max(32).default(4).describe("songs asked for at the same time"),
  retries: z.int().min(0).max(20).default(3).describe("further tries after a failure that may pass"),
  retryWaitS: z
    .number()
    .min(0)
    .max(600)
    .default(2)
    .describe(
      "seconds before the second try, doubled for each further one; what a service asks for counts more",
    ),
  longestWaitS: z
    .number()
    .positive()
    .max(86_400)
    .default(300)
    .describe("a service that asks for a longer wait than these seconds ends the run; it can go on later"),
  timeoutS: z.number().positive().max(300).default(300).describe("seconds one request may take"),
  maxUploadMb: z
    .number()
    .positive()
    .max(100)
    .optional()
    .describe("larger songs are sent as mono mp3 (ffmpeg) or WAV; default: the service's limit"),
  stopAfter: z.int().min(1).default(10).describe("songs that fail one after the other before the run ends"),
} as const;

/** Settings of `dataset transcribe`. */
export const TranscribeSettings = z.strictObject({
  provider: z
    .enum(["openai", "elevenlabs", "gemini", "transcriber", "genius"])
    .default("openai")
    .describe(
      "who writes the lyrics: openai (Whisper, or any server that speaks like it), elevenlabs, gemini, transcriber (POST URL/transcribe), genius (looked up, not heard)",
    ),
  policy: z
    .enum(["fill-missing", "overwrite-lyrics", "overwrite-all", "lyrics-only"])
    .default("fill-missing")
    .describe(
      "what is written where something stands already; lyrics-only fills lyrics and leaves even the language alone",
    ),
  language: z
    .string()
    .trim()
    .regex(/^[a-z]{2,3}$/, "a code such as en was expected")
    .meta({ form: "a code such as en" })
    .optional()
    .describe("language code of the songs, such as en; default: the provider finds out"),
  minConfidence: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("lyrics the provider is less sure of are marked to be looked at"),
  defaultArtist: z
    .string()
    .trim()
    .min(1)
    .optional()
    .describe("artist of songs that name none in their tags or file name"),
  ...common,
});
export type TranscribeSettings = z.infer<typeof TranscribeSettings>;

/** Settings of `dataset caption`. */
export const CaptionSettings = z.strictObject({
  provider: z
    .enum(["gemini", "openai"])
    .default("gemini")
    .describe(
      "who describes the songs: gemini (lyrics in the same call), openai (a model that hears, or any server that speaks like it)",
    ),
  policy: z
    .enum(["fill-missing", "overwrite-caption", "overwrite-lyrics", "overwrite-all", "lyrics-only"])
    .default("fill-missing")
    .describe("what is written where something stands already; lyrics-only fills nothing but lyrics"),
  lyrics: z
    .boolean()
    .default(true)
    .describe("take lyrics with structure tags from gemini's answer too, where the policy allows"),
  metas: z
    .boolean()
    .default(false)
    .describe("take tempo, key and time signature too; models guess them, `dataset analyze` measures"),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .default(0.45)
    .describe("how freely the model words it; Gemini 3 and newer keep their own"),
  topP: z.number().positive().max(1).default(0.9).describe("share of likely words it may choose from"),
  ...common,
});
export type CaptionSettings = z.infer<typeof CaptionSettings>;

export type AnnotationPolicy = CaptionSettings["policy"];
