import { z } from "zod";
import type { LyricLine } from "../lyrics/lrc.js";

/**
 * The keys of dataset.json are the official trainer's own, so a record in memory is the record in the file and
 * nothing is lost on the way. Keys nobody knows are kept; what we add stands under `acewright`.
 */
const count = z.number().int().nonnegative();

/** One song of a dataset, under the names of dataset.json. */
export const Sample = z.looseObject({
  id: z.string().default("").describe("first 8 characters of a uuid"),
  audio_path: z.string().default("").describe("the song; relative to the dataset file's folder, or absolute"),
  filename: z.string().default("").describe("base name of the song"),
  caption: z.string().default("").describe("what the song sounds like"),
  genre: z.string().default("").describe("short genre words, used instead of the caption by the genre ratio"),
  lyrics: z.string().default("[Instrumental]").describe("lyrics the model is given"),
  raw_lyrics: z.string().default("").describe("lyrics as the user's file has them"),
  formatted_lyrics: z.string().default("").describe("lyrics after an edit or a language model"),
  bpm: z.number().nullable().default(null).describe("beats per minute, 30 to 300"),
  keyscale: z.string().default("").describe('key, such as "C major"'),
  timesignature: z.string().default("").describe('beats of a bar: "2", "3", "4" or "6"'),
  duration: z.number().nonnegative().default(0).describe("whole seconds, cut off"),
  language: z.string().default("unknown").describe("language code of the lyrics"),
  is_instrumental: z.boolean().default(true).describe("no voice"),
  custom_tag: z.string().default("").describe("trigger words of this song"),
  labeled: z.boolean().default(false).describe("has a caption"),
  prompt_override: z
    .enum(["caption", "genre"])
    .nullable()
    .default(null)
    .describe("beats the genre ratio for this song"),
});
export type Sample = z.infer<typeof Sample>;

/** Keys of ours that stand under `acewright` of a sample; further ones are kept. */
export interface SampleAdditions {
  artist?: string;
  title?: string;
  /** When the lines of the lyrics are sung. */
  lyric_lines?: LyricLine[];
  /** Further captions of the song. */
  captions?: string[];
  /** Who made a field, by the field's name; fields without an entry are the user's own. */
  provenance?: Record<string, Provenance>;
}

/** Where a field came from. */
export interface Provenance {
  /** The provider's name: "openai", "gemini". */
  by: string;
  model: string;
  /** Origin of the service that was asked. */
  origin?: string;
  /** SHA-256 (hex) of the user's own prompt. */
  prompt_sha256?: string;
  /** ISO 8601, UTC. */
  made_at: string;
  /** 0 to 1, where the provider says. */
  confidence?: number;
  /** The confidence is low: a person should look. */
  low?: true;
  /** The provider was asked and found nothing: a song without words. */
  none?: true;
}

/** What holds for all songs of a dataset. */
export const DatasetMetadata = z.looseObject({
  name: z.string().default("untitled").describe("name of the dataset"),
  custom_tag: z.string().default("").describe("trigger words put to every prompt"),
  tag_position: z.enum(["prepend", "append", "replace"]).default("prepend").describe("where the tag goes"),
  created_at: z.string().default("").describe("local time, ISO 8601"),
  num_samples: count.default(0).describe("number of samples"),
  all_instrumental: z.boolean().default(true).describe("songs without a lyrics file have no voice"),
  genre_ratio: z.number().min(0).max(100).default(0).describe("percent of songs prompted by genre"),
});
export type DatasetMetadata = z.infer<typeof DatasetMetadata>;

/** A dataset as dataset.json holds it. */
export const Dataset = z.looseObject({ metadata: DatasetMetadata, samples: z.array(Sample) });
export type Dataset = z.infer<typeof Dataset>;
