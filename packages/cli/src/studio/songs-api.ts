/** What the room for listening and the server tell each other. Types only. */

import type { AdapterFormat } from "@acewright/trainer";
import type { FormGroup, FormProblem, Texts } from "./form-api.js";

export interface SongsForm {
  readonly groups: readonly FormGroup[];
  readonly adapters: readonly FoundAdapter[];
}

/** An adapter that a run keeps. */
export interface FoundAdapter {
  readonly path: string;
  readonly run: string;
  /** Of which step, where it is a checkpoint's or the best. */
  readonly which: "final" | "best" | "checkpoint";
  readonly step?: number;
}

export interface ChosenAdapter {
  readonly path: string;
  /** As typed: 1 as trained, 0 off. */
  readonly scale: string;
}

/** What was decided on the way to a song. */
export interface SongChoices {
  readonly model: string;
  readonly adapters: readonly ChosenAdapter[];
  readonly output: string;
  /** The schema's settings; `seed` may be several, with commas. */
  readonly settings: Texts;
}

/** What to begin a song of a run with. */
export interface SongBasis {
  /** The one that was trained on, where it is still there. */
  readonly model?: string;
  readonly adapter?: string;
  /** Word that calls the style. */
  readonly trigger: string;
}

export interface SongCheck {
  readonly problems: readonly FormProblem[];
  /** The same as a command line; empty while something is wrong. */
  readonly line: string;
}

/** A song that was made. */
export interface SongRow {
  readonly path: string;
  /** When, ISO 8601. */
  readonly madeAt: string;
  /** What was asked for, where this studio had it made. */
  readonly about?: string;
}

/** A layout that an adapter can be exported in. */
export interface ExportFormat {
  readonly name: AdapterFormat;
  readonly about: string;
  /** Kinds it has names for; others are written as the nearest LoRA. */
  readonly takes: readonly ("lora" | "lycoris")[];
  readonly ending: "" | ".safetensors";
}

export interface ExportChoices {
  readonly run: string;
  /** final, best, or a checkpoint's step. */
  readonly which: string;
  readonly format: string;
  readonly output: string;
  /** Rank of the nearest LoRA; empty for the adapter as it is. */
  readonly asLora: string;
}
