import { storedAnalysis } from "../analysis/stored-analysis.js";
import type { Sample } from "../dataset-file/schema.js";

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

/** What an analysis heard in a song; empty for a sample that nobody analysed. */
export function heardValues(sample: Sample): HeardValues {
  const analysis = storedAnalysis(sample);
  if (analysis === undefined) return {};
  const { bpm, keyscale, timesignature } = analysis;
  return {
    ...(bpm === null ? {} : { bpm: { value: Math.round(bpm.value), confidence: bpm.confidence } }),
    ...(keyscale === null ? {} : { keyscale }),
    ...(timesignature === null ? {} : { timesignature }),
  };
}
