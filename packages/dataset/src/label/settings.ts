import { z } from "zod";

/** Fields that labelling can fill. */
export const labelFields = [
  "caption",
  "genre",
  "lyrics",
  "bpm",
  "keyscale",
  "timesignature",
  "language",
] as const;
export type LabelField = (typeof labelFields)[number];

/** What a user may choose about labelling; flags, help and documentation are derived from it. */
export const LabelSettings = z.strictObject({
  onlyUnlabeled: z.boolean().default(false).describe("leave songs alone that are marked as labeled"),
  skipMetas: z.boolean().default(false).describe("leave bpm, key and time signature alone"),
  overwrite: z
    .array(z.enum(labelFields))
    .default([])
    .describe(`fields to write over; without it what is there is kept (${labelFields.join(", ")})`),
  formatLyrics: z
    .boolean()
    .default(false)
    .describe("let the language model put structure tags and empty lines into the user's own lyrics"),
  maxChangedWords: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe("formatted lyrics that drop or add a larger share of the words are refused"),
  constrained: z
    .boolean()
    .default(true)
    .describe("force the model's answer into the right form; a server answers as it likes"),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .default(0.7)
    .describe("evens out the choice of the next token; 0 always takes the likeliest"),
  topK: z.int().min(0).default(0).describe("choose among so many of the likeliest tokens; 0 among all"),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("choose among the likeliest tokens that together have this probability"),
  repetitionPenalty: z
    .number()
    .min(0.5)
    .max(2)
    .default(1)
    .describe("above 1 makes what was said already less likely"),
  seed: z
    .int()
    .min(0)
    .max(0xffffffff)
    .default(0)
    .describe("the same seed, song and model give the same answer"),
  maxNewTokens: z.int().min(64).max(8192).default(2048).describe("tokens an answer may have"),
  contextTokens: z
    .int()
    .min(256)
    .max(32_768)
    .default(4096)
    .describe("tokens of song and answer together; memory for their keys and values is set aside"),
  checkMemory: z
    .boolean()
    .default(true)
    .describe("refuse to load a language model that does not fit into the memory that is free"),
  retries: z.int().min(0).max(20).default(3).describe("further tries after a server's failure that may pass"),
  retryWaitS: z
    .number()
    .min(0)
    .max(600)
    .default(2)
    .describe("seconds before the first further try; every one after waits twice as long"),
  timeoutS: z.number().positive().max(300).default(300).describe("seconds one answer of a server may take"),
  device: z
    .enum(["auto", "cpu", "cuda"])
    .default("auto")
    .describe("where the networks run; auto takes CUDA where it can be used"),
  threads: z.int().positive().optional().describe("CPU cores a network may use; default all"),
});
export type LabelSettings = z.infer<typeof LabelSettings>;
