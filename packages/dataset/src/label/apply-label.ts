import { keyNumber } from "./key-number.js";
import type { Sample } from "../dataset-file/schema.js";
import type { SongDescription } from "./description.js";
import { heardValues } from "./heard-values.js";
import type { LabelField, LabelSettings } from "./settings.js";

type Choice = Pick<LabelSettings, "skipMetas" | "overwrite">;
type Meta = "bpm" | "keyscale" | "timesignature";

/** A sample after labelling, and what a person should know about it, one line each. */
export interface LabelledSample {
  readonly sample: Sample;
  readonly notes: readonly string[];
}

/** Whether a field has nothing in it, or may be written over. */
export function isOpen(sample: Sample, field: LabelField, { skipMetas, overwrite }: Choice): boolean {
  const isMeta = field === "bpm" || field === "keyscale" || field === "timesignature";
  if (isMeta && skipMetas) return false;
  if (isMeta && sample[field] === null) return true;
  // A song without a voice has neither words nor a language.
  if (field === "lyrics" || field === "language") {
    if (sample.is_instrumental) return false;
    if (field === "lyrics" && sample.raw_lyrics !== "") return false;
    if (field === "lyrics" && hasNoLyrics(sample)) return true;
    if (field === "language" && (sample.language === "unknown" || sample.language === "")) return true;
  }
  return sample[field] === "" || overwrite.includes(field);
}

/** Whether a sample has no words of its own. */
export function hasNoLyrics({ lyrics }: Sample): boolean {
  return /^(?:\[instrumental\])?$/i.test(lyrics.trim());
}

/**
 * Puts a description into the fields that are open. Tempo, key and time signature come from the analysis where there is one,
 * for language models guess them; where the two differ that is noted. A user's own lyrics are never touched. The sample
 * given stays as it is.
 */
export function applyDescription(
  sample: Sample,
  { metas, lyrics, problems }: SongDescription,
  choice: Choice,
): LabelledSample {
  const edited: Sample = { ...sample };
  const notes = [...problems];
  const open = (field: LabelField): boolean => isOpen(sample, field, choice);
  if (metas.caption !== undefined && open("caption")) edited.caption = metas.caption;
  if (metas.genres !== undefined && open("genre")) edited.genre = metas.genres;
  const heard = heardValues(sample);
  for (const field of ["bpm", "keyscale", "timesignature"] as const) {
    const said = metas[field];
    const measured = heard[field];
    const value = open(field) ? (measured?.value ?? said) : sample[field];
    if (value !== undefined) Object.assign(edited, { [field]: value });
    const note = disagreement(field, said, edited[field], open(field) ? measured?.confidence : undefined);
    if (note !== undefined && !choice.skipMetas) notes.push(note);
  }
  if (metas.language !== undefined && open("language")) edited.language = metas.language;
  if (open("lyrics")) {
    if (lyrics === "") notes.push("the model wrote no lyrics");
    else Object.assign(edited, { lyrics, formatted_lyrics: lyrics });
  }
  edited.labeled = edited.caption !== "" || sample.labeled;
  return { sample: edited, notes };
}

/** What is said when the model's value is not the one that stands in the sample. */
function disagreement(
  field: Meta,
  said: string | number | undefined,
  kept: string | number | null,
  heardConfidence: number | undefined,
): string | undefined {
  if (said === undefined || kept === null || kept === "" || isSame(field, said, kept)) return undefined;
  const from =
    heardConfidence === undefined
      ? "the dataset has"
      : `the analysis heard (${Math.round(heardConfidence * 100)} % sure)`;
  return `${field}: the model says ${said}, ${from} ${kept}, which is kept`;
}

function isSame(field: Meta, said: string | number, kept: string | number): boolean {
  if (field === "bpm") return Math.abs(Number(said) - Number(kept)) <= Number(kept) * 0.02;
  if (field === "keyscale") return keyNumber(String(said)) === keyNumber(String(kept));
  return String(said) === String(kept);
}
