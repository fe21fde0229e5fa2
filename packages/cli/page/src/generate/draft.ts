import type { ChosenAdapter, SongBasis, SongChoices } from "../../../src/studio/songs-api.js";
import { emptyForm, type FormState } from "../form/form-state.js";

/** A song as far as it is decided. */
export interface SongDraft {
  readonly model: string;
  readonly adapters: readonly ChosenAdapter[];
  readonly output: string;
  /** The person named the file: a name of ours does not replace it. */
  readonly isOutputOwn: boolean;
  readonly form: FormState;
}

const blank: SongDraft = { model: "", adapters: [], output: "", isOutputOwn: false, form: emptyForm };

/** What was decided when the room was left, and for which run it was begun. */
let left: { readonly run: string; readonly draft: SongDraft } | undefined;

/** As the room was left, unless another run's songs are wanted; `isNew`: the run has yet to say what to begin with. */
export function beginSong(run: string): { draft: SongDraft; isNew: boolean } {
  if (left !== undefined && (run === "" || run === left.run)) return { draft: left.draft, isNew: false };
  return { draft: left === undefined ? blank : { ...left.draft, adapters: [] }, isNew: run !== "" };
}

export function leaveSong(run: string, draft: SongDraft): void {
  left = { run: run === "" ? (left?.run ?? "") : run, draft };
}

/** The draft for a run's adapter; what was typed of the song stays. */
export function ofRun(draft: SongDraft, { model = draft.model, adapter, trigger }: SongBasis): SongDraft {
  const caption = draft.form.settings["caption"] ?? "";
  const settings =
    caption === "" && trigger !== ""
      ? { ...draft.form.settings, caption: `${trigger}, ` }
      : draft.form.settings;
  return {
    ...draft,
    model,
    adapters: adapter === undefined ? [] : [{ path: adapter, scale: "1" }],
    form: { ...draft.form, settings },
  };
}

export function songChoices({ model, adapters, output, form }: SongDraft): SongChoices {
  return {
    model,
    adapters: adapters.filter(({ path }) => path.trim() !== ""),
    output: output.trim(),
    settings: form.settings,
  };
}

/** Several seeds make a song each. */
export function isSeveral({ form }: SongDraft): boolean {
  return (form.settings["seed"] ?? "").split(",").filter((seed) => seed.trim() !== "").length > 1;
}
