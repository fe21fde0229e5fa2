import { normaliseKey } from "../dataset-file/key-name.js";
import type { Sample } from "../dataset-file/schema.js";
import { normaliseTimeSignature } from "../dataset-file/time-signature.js";
import type { AnalysisSettings } from "./settings.js";
import {
  analysisFields,
  fieldValue,
  storedAnalysis,
  type AnalysisField,
  type StoredAnalysis,
} from "./stored-analysis.js";

/** A value that a person should look at. */
export interface CheckItem {
  field: AnalysisField;
  /** `unsure`: it is our value, with little confidence. `disagrees`: it is the user's, and we heard something else. */
  reason: "unsure" | "disagrees";
  /** What the sample holds. */
  value: string | number | null;
  /** What was heard, and what else it may be. */
  heard: string | number;
  confidence: number;
  alternatives: (string | number)[];
}

/**
 * The sample with an analysis, and with the values it lacked. A value of the user's stays, unless `overwrite` is said; a
 * value of an earlier analysis is ours to replace.
 */
export function fillFields(
  sample: Sample,
  analysis: StoredAnalysis,
  { overwrite, minConfidence }: Pick<AnalysisSettings, "overwrite" | "minConfidence">,
): Sample {
  const filled: AnalysisField[] = [];
  const edited: Sample = { ...sample };
  for (const field of analysisFields) {
    const value = fieldValue(analysis, field);
    const isOurs = isEmpty(sample[field]) || isFilled(sample, field);
    if (value === undefined || !(isOurs || overwrite)) continue;
    if ((analysis[field]?.confidence ?? 0) < minConfidence) {
      // Ours to withdraw; a value of the user's is better than one we do not trust.
      if (isFilled(sample, field)) Object.assign(edited, { [field]: field === "bpm" ? null : "" });
      continue;
    }
    Object.assign(edited, { [field]: value });
    filled.push(field);
  }
  const additions = sample["acewright"] as object | undefined;
  edited["acewright"] = { ...additions, analysis: { ...analysis, filled } };
  return edited;
}

/** Which values of a sample a person should check, by the analysis it holds. */
export function itemsToCheck(sample: Sample, checkBelow: number): CheckItem[] {
  const analysis = storedAnalysis(sample);
  if (analysis === undefined) return [];
  return analysisFields.flatMap((field): CheckItem[] => {
    const heard = fieldValue(analysis, field);
    const judged = analysis[field];
    if (heard === undefined || judged === null) return [];
    const { confidence } = judged;
    const value = sample[field] === "" ? null : sample[field];
    const alternatives = judged.alternatives.map((other) => other.value);
    const item = { field, value, heard, confidence, alternatives };
    const isUnknown = value === null || isFilled(sample, field);
    if (isUnknown) return confidence < checkBelow ? [{ ...item, reason: "unsure" }] : [];
    return confidence >= checkBelow && !agrees(field, value, heard) ? [{ ...item, reason: "disagrees" }] : [];
  });
}

/** The field holds what an earlier analysis wrote; an edit since then made it the user's. */
function isFilled(sample: Sample, field: AnalysisField): boolean {
  const analysis = storedAnalysis(sample);
  return analysis?.filled.includes(field) === true && sample[field] === fieldValue(analysis, field);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === "";
}

function agrees(field: AnalysisField, value: string | number, heard: string | number): boolean {
  if (field === "bpm") return Math.abs(Number(value) / Number(heard) - 1) <= 0.02;
  if (field === "keyscale") return sharpKey(String(value)) === sharpKey(String(heard));
  return normaliseTimeSignature(String(value)) === heard;
}

const sharpOf: Readonly<Record<string, string>> = {
  Db: "C#", Eb: "D#", Fb: "E", Gb: "F#", Ab: "G#", Bb: "A#", Cb: "B", "E#": "F", "B#": "C",
}; // prettier-ignore

/** One name for each key: "Bb minor" and "A# minor" are the same keys of a piano. */
function sharpKey(text: string): string {
  const [note = "", ...mode] = normaliseKey(text.replace("♯", "#").replace("♭", "b")).split(" ");
  return [sharpOf[note] ?? note, ...mode].join(" ");
}
