import type { Change } from "../../dataset-file/edit-dataset.js";

/** What a run did. All paths are absolute. */
export interface AnnotationReport {
  path: string;
  /** Songs answered now. */
  answered: number;
  /** Songs of a stopped run whose answers were there. */
  resumed: number;
  failed: { audioFile: string; error: string }[];
  /** File names by the index that changes go by; empty where nothing was to be written. */
  songs: string[];
  /** What differs in the samples. */
  changes: Change[];
  /** Songs whose lyrics the provider is not sure of, or that a person should look at for another reason. */
  toCheck: { audioFile: string; why: string }[];
  /** Files written; empty for a preview. */
  written: string[];
  /** Songs in which the provider found no words. */
  withoutLyrics: string[];
}
