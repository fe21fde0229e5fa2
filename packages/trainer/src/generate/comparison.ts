import type { GenerateSettings } from "./settings.js";

/** One song of a comparison. */
export interface ComparedSong {
  /** `base`, `step-00000120`, `best` or `final`. */
  readonly voice: string;
  /** Inside the folder. */
  readonly file: string;
  /** LUFS after matching; null for silence. */
  readonly loudness: number | null;
  /** What the match took off, in dB. */
  readonly gain: number;
}

/** What `index.json` holds. */
export interface Comparison {
  readonly run: string;
  readonly model: string;
  readonly voices: readonly string[];
  /** Every prompt with every seed, by all voices. */
  readonly songs: readonly { readonly settings: GenerateSettings; readonly takes: readonly ComparedSong[] }[];
  readonly warnings: readonly string[];
}
