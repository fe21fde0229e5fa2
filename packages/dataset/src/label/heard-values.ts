import { z } from "zod";
import type { Sample } from "../dataset-file/schema.js";

const judged = <Key extends string, Value extends z.ZodType>(key: Key, value: Value) =>
  z
    .object({ [key]: value, confidence: z.number() } as Record<Key, Value> & { confidence: z.ZodNumber })
    .optional()
    .catch(undefined);

/** What `analyzeSong` heard, as far as it stands under `acewright.analysis` of a sample. */
const Analysis = z.object({
  tempo: judged("bpm", z.number().positive()),
  key: judged("key", z.string()),
  timeSignature: judged("timesignature", z.union([z.string(), z.number()])),
});

/** A value that was measured, and how sure that is, 0 to 1. */
export interface Heard<Value> {
  readonly value: Value;
  readonly confidence: number;
}

export interface HeardValues {
  readonly bpm?: Heard<number>;
  readonly keyscale?: Heard<string>;
  readonly timesignature?: Heard<string>;
}

/** Empty for a sample that nobody analysed. */
export function heardValues(sample: Sample): HeardValues {
  const ours = sample["acewright"] as { analysis?: unknown } | undefined;
  const read = Analysis.safeParse(ours?.analysis);
  if (!read.success) return {};
  const { tempo, key, timeSignature } = read.data;
  const bpm = tempo && { value: Math.round(tempo.bpm), confidence: tempo.confidence };
  const keyscale = key && { value: key.key, confidence: key.confidence };
  const timesignature = timeSignature && {
    value: String(timeSignature.timesignature),
    confidence: timeSignature.confidence,
  };
  return {
    ...(bpm === undefined ? {} : { bpm }),
    ...(keyscale === undefined ? {} : { keyscale }),
    ...(timesignature === undefined ? {} : { timesignature }),
  };
}
