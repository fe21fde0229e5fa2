import { setLyrics } from "../../dataset-file/edit-dataset.js";
import type { Provenance, Sample, SampleAdditions } from "../../dataset-file/schema.js";
import type { AnnotatedField, Annotation } from "../providers/provider.js";
import { hasNoLyrics } from "./policies.js";

/** What every field of one answer has in common. */
export type AnswerSource = Omit<Provenance, "confidence" | "low" | "none">;

/** The sample with the wanted fields of an answer, each with where it came from. The sample given stays. */
export function applyAnnotation(
  sample: Sample,
  annotation: Annotation,
  wanted: readonly AnnotatedField[],
  source: AnswerSource,
  minConfidence: number,
): Sample {
  const edited: Sample = { ...sample };
  const additions: SampleAdditions = { ...(sample["acewright"] as SampleAdditions | undefined) };
  const provenance: Record<string, Provenance> = { ...additions.provenance };
  const { lyrics, lyricLines, confidence } = annotation;
  if (wanted.includes("lyrics") && lyrics !== undefined) {
    if (lyrics !== "") {
      setLyrics(edited, lyrics);
      delete additions.lyric_lines;
      if (lyricLines !== undefined && lyricLines.length > 0) additions.lyric_lines = lyricLines;
      const sure = confidence === undefined ? {} : { confidence };
      const low = confidence !== undefined && confidence < minConfidence ? { low: true as const } : {};
      provenance["lyrics"] = { ...source, ...sure, ...low };
    } else if (hasNoLyrics(sample)) provenance["lyrics"] = { ...source, none: true };
  }
  for (const field of ["caption", "genre", "bpm", "keyscale", "timesignature", "language"] as const) {
    const value = annotation[field];
    if (!wanted.includes(field) || value === undefined || value === "") continue;
    // The language is that of the words that are sung.
    if (field === "language" && hasNoLyrics(edited)) continue;
    Object.assign(edited, { [field]: value });
    provenance[field] = source;
  }
  if (provenance["caption"] !== undefined && edited.caption !== "") edited.labeled = true;
  if (Object.keys(provenance).length > 0) edited["acewright"] = { ...additions, provenance };
  return edited;
}
