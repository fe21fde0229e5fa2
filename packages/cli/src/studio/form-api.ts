/** A form of settings as the page draws it: derived of a schema, so that nothing of it is listed twice. Types only. */

/** Settings as texts, by dotted path, as they would stand on a command line; what is not there is left to its default. */
export type Texts = Readonly<Record<string, string>>;

export type Control = "switch" | "choice" | "number" | "text" | "lines";

/** What one field takes. */
export interface FieldFacts {
  /** The schema's own description. */
  readonly help: string;
  readonly control: Control;
  /** To choose from; with a `text` control what is usual. */
  readonly choices: readonly string[];
  /** In words: `a whole number from 1 to 4096`. */
  readonly expects: string;
  /** Its default, as a text; empty where leaving it out is one. */
  readonly fallback: string;
}

export interface FormField {
  /** Dotted: `adapter.rank`. */
  readonly path: string;
  /** `learning rate`: its flag's name in words. */
  readonly label: string;
  /** Of what the number is, where the label does not say it: `s`. */
  readonly unit?: string;
  /** Path of the setting that decides whether there is such a field: `adapter.kind`. */
  readonly kindPath?: string;
  /** By kind, as kinds have other defaults; under "" where no kind decides. */
  readonly facts: Readonly<Record<string, FieldFacts>>;
}

export interface FormGroup {
  readonly name: string;
  readonly title: string;
  readonly fields: readonly FormField[];
  /** Paths of those that everyone should think of. */
  readonly basic: readonly string[];
}

/** What speaks against a field's text. */
export interface FormProblem {
  readonly path: string;
  readonly text: string;
}
