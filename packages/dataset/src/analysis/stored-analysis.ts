import { z } from "zod";
import type { Sample } from "../dataset-file/schema.js";
import type { SongAnalysis } from "./analyze-audio.js";

/** Raised when the methods change so much that songs should be listened to again. */
const version = 1;

/** The fields of a sample that analysis can fill in. */
export const analysisFields = ["bpm", "keyscale", "timesignature"] as const;
export type AnalysisField = (typeof analysisFields)[number];

const fraction = z.number().min(0).max(1);

/** What stands under `acewright.analysis` of a sample. */
export const StoredAnalysis = z.looseObject({
  version: z.literal(version),
  /** The audio file that was heard, to know it again. */
  file: z.object({ bytes: z.number(), modified_ms: z.number() }),
  /** Fields that hold our value because they were empty, or because the user said `--overwrite`. */
  filled: z.array(z.enum(analysisFields)),
  bpm: z
    .object({
      value: z.number(),
      confidence: fraction,
      alternatives: z.array(z.object({ value: z.number(), confidence: fraction })),
    })
    .nullable(),
  keyscale: z
    .object({
      value: z.string(),
      confidence: fraction,
      alternatives: z.array(z.object({ value: z.string(), relation: z.string(), confidence: fraction })),
    })
    .nullable(),
  timesignature: z
    .object({
      value: z.string(),
      confidence: fraction,
      alternatives: z.array(z.object({ value: z.string(), confidence: fraction })),
    })
    .nullable(),
  tuning_hz: z.number().nullable(),
  /** null for silence. */
  loudness_lufs: z.number().nullable(),
  true_peak_db: z.number().nullable(),
  sections: z.array(
    z.object({ start_s: z.number(), end_s: z.number(), label: z.string(), confidence: fraction }),
  ),
  /** Seconds at which bars begin; absent in what was stored before they were kept. */
  bars: z.array(z.number()).optional(),
});
export type StoredAnalysis = z.infer<typeof StoredAnalysis>;

/** An analysis as dataset.json keeps it: rounded to what it is worth, without the single beats. */
export function toStored(analysis: SongAnalysis, file: StoredAnalysis["file"]): StoredAnalysis {
  const { tempo, key, timeSignature, tuningHz, loudnessLufs, truePeakDb, sections, barsS } = analysis;
  const level = (value: number): number | null => (Number.isFinite(value) ? round(value, 2) : null);
  return {
    version,
    file,
    filled: [],
    bpm:
      tempo === undefined
        ? null
        : {
            value: round(tempo.bpm, 2),
            confidence: round(tempo.confidence, 3),
            alternatives: tempo.alternatives.map(({ bpm, confidence }) => ({
              value: round(bpm, 2),
              confidence: round(confidence, 3),
            })),
          },
    keyscale:
      key === undefined
        ? null
        : {
            value: key.key,
            confidence: round(key.confidence, 3),
            alternatives: key.alternatives.map(({ key: value, relation, confidence }) => ({
              value,
              relation,
              confidence: round(confidence, 3),
            })),
          },
    timesignature:
      timeSignature === undefined
        ? null
        : {
            value: timeSignature.timesignature,
            confidence: round(timeSignature.confidence, 3),
            alternatives: timeSignature.alternatives.map(({ timesignature: value, confidence }) => ({
              value,
              confidence: round(confidence, 3),
            })),
          },
    tuning_hz: tuningHz === undefined ? null : round(tuningHz, 1),
    loudness_lufs: level(loudnessLufs),
    true_peak_db: level(truePeakDb),
    sections: sections.map(({ startS, endS, label, confidence }) => ({
      start_s: round(startS, 2),
      end_s: round(endS, 2),
      label,
      confidence: round(confidence, 3),
    })),
    bars: barsS.map((startS) => round(startS, 2)),
  };
}

/** The analysis a sample holds; undefined where it has none, or one of another version or form. */
export function storedAnalysis(sample: Sample): StoredAnalysis | undefined {
  const additions = sample["acewright"] as { analysis?: unknown } | undefined;
  const parsed = StoredAnalysis.safeParse(additions?.analysis);
  return parsed.success ? parsed.data : undefined;
}

/** What analysis would write into a field: the tempo as a whole number, as the official trainer has it. */
export function fieldValue(analysis: StoredAnalysis, field: AnalysisField): string | number | undefined {
  if (field === "bpm") return analysis.bpm === null ? undefined : Math.round(analysis.bpm.value);
  return analysis[field]?.value;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
