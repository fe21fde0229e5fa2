/** What the dataset room and its server tell each other. */

import type {
  AnnotationEstimate,
  Change,
  DatasetMetadata,
  Finding,
  LyricLine,
  MetadataEdit,
  SampleEdit,
} from "@acewright/dataset";
import type { Job } from "./api.js";

/** A dataset as the table of songs shows it. */
export interface DatasetView {
  readonly path: string;
  /** Of the file as it is now; an edit names the one it was made on. */
  readonly revision: string;
  readonly metadata: Required<MetadataEdit> & Pick<DatasetMetadata, "custom_tag">;
  readonly songs: readonly SongRow[];
  readonly history: History;
  readonly findings: readonly Finding[];
  /** When the sound was last looked at; words and numbers are looked at each time. */
  readonly soundCheckedAt?: string;
  /** A job that writes the file now: until it is done, nothing else may. */
  readonly writtenBy?: Job | undefined;
  readonly warnings: readonly string[];
}

/** A song in the table. */
export interface SongRow {
  /** Index in the dataset. */
  readonly song: number;
  /** `audio_path`, by which the song is known again. */
  readonly file: string;
  readonly filename: string;
  readonly isMissing: boolean;
  readonly duration: number;
  readonly caption: string;
  readonly genre: string;
  /** Lines of lyrics; 0 for an instrumental. */
  readonly lines: number;
  readonly bpm: number | null;
  readonly keyscale: string;
  readonly timesignature: string;
  readonly language: string;
  readonly customTag: string;
  readonly labeled: boolean;
}

/** A song in full. */
export interface SongView {
  readonly song: number;
  readonly file: string;
  readonly revision: string;
  /** What an edit can set, as it is. */
  readonly values: Readonly<Partial<Record<keyof SampleEdit, unknown>>>;
  /** Who made a field, where it was a machine. */
  readonly makers: Readonly<Record<string, Maker>>;
  /** When its lines are sung. */
  readonly lyricLines: readonly LyricLine[];
}

/** A machine that made a value. */
export interface Maker {
  readonly by: string;
  readonly model?: string;
  readonly isUnsure: boolean;
  /** 0 to 1. */
  readonly confidence?: number;
}

/** How much of what was changed can be taken back. */
export interface History {
  readonly undo: number;
  readonly redo: boolean;
}

/** After an edit, or before one that was only tried. */
export interface DatasetChanged {
  readonly revision: string;
  readonly history: History;
  readonly changes: readonly Change[];
  /** Songs that were meant, changed or not. */
  readonly selected: number;
  /** The song as it is now, where one alone was edited. */
  readonly song?: SongView;
}

/** Songs that a filter and a search pick. */
export interface DatasetPick {
  readonly revision: string;
  readonly songs: readonly number[];
}

/** What can be typed into a field, and what it is for; made of a schema. */
export interface FieldView {
  readonly key: string;
  readonly label: string;
  readonly help: string;
  readonly control: "text" | "number" | "choice" | "switch";
  readonly whole: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly choices: readonly string[];
  /** What holds where nothing is said. */
  readonly fallback: string;
}

/** The fields of the room's forms. */
export interface DatasetFields {
  readonly song: readonly FieldView[];
  readonly metadata: readonly FieldView[];
  readonly analyze: readonly FieldView[];
  readonly preprocess: readonly FieldView[];
  readonly scan: readonly FieldView[];
  readonly label: readonly FieldView[];
  readonly transcribe: readonly FieldView[];
  readonly caption: readonly FieldView[];
  /** In which text can be replaced. */
  readonly texts: readonly string[];
}

/** Settings as they were typed, by key; what is not there, or empty, is left to its default. */
export type TypedSettings = Readonly<Record<string, string>>;

/** Whom a service would be asked about, and what leaves the machine for it. */
export interface AnnotationPreview {
  readonly provider: { readonly name: string; readonly model: string; readonly origin: string };
  readonly estimate: AnnotationEstimate;
  readonly warnings: readonly string[];
}

/** Folders of language models that describe songs. */
export interface LanguageModels {
  readonly paths: readonly string[];
}

/** A name that is free for what a job makes, and whether it had to be another than the obvious. */
export interface FreeName {
  readonly name: string;
}

/** The code of a refusal because the file is no more as the page knows it. */
export type ChangedElsewhereCode = "CHANGED_ELSEWHERE";
