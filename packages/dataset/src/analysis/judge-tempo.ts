import type { Chroma } from "./chroma.js";
import { weighMetres, type MetreChoice, type TimeSignature } from "./metre-model.js";
import type { OnsetCurves } from "./onsets.js";
import { findPulses, type Pulse } from "./pulse-features.js";

export interface TempoAlternative {
  bpm: number;
  /** How many times the tempo given: 0.5, 2, 0.667, ... */
  ratio: number;
  confidence: number;
}

export interface TempoJudgement {
  /** Beats a minute, not rounded. */
  bpm: number;
  /** 0 to 1. */
  confidence: number;
  /** Half and double always, other readings where they are likely; the likeliest first. */
  alternatives: TempoAlternative[];
}

export interface TimeSignatureJudgement {
  timesignature: TimeSignature;
  confidence: number;
  alternatives: { timesignature: TimeSignature; confidence: number }[];
}

export interface Judgement {
  tempo: TempoJudgement;
  timeSignature: TimeSignatureJudgement;
  /** Beats of the tempo given, frames of the onset curves. */
  beats: Int32Array;
  /** Of those beats. */
  beatsPerBar: number;
}

/** A dotted quarter slower than this is counted in eighths instead. */
const slowestDottedBpm = 50;
/** A reading is named when it is at least this likely. */
const likely = 0.03;
/** dataset.json takes no others. */
const [leastBpm, mostBpm] = [30, 300];

/**
 * Tempo and metre together, because one cannot be told without the other. In 6/8 the beat is the dotted quarter, unless
 * that is slower than 50 a minute.
 *
 * @returns undefined where nothing repeats
 */
export function judgeTempo(onsets: OnsetCurves, chroma: Chroma): Judgement | undefined {
  const choices = weighMetres(findPulses(onsets, chroma));
  const [best] = choices;
  if (best === undefined || !Number.isFinite(best.probability)) return undefined;
  const bpm = writtenBpm(best.pulse, best.timesignature);
  return {
    tempo: {
      bpm,
      confidence: sumOf(choices, ({ pulse }) => pulse === best.pulse),
      alternatives: tempos(bpm, choices),
    },
    timeSignature: signatures(best, choices),
    beats: best.pulse.beats,
    beatsPerBar: best.timesignature === "6" ? 2 : Number(best.timesignature),
  };
}

function writtenBpm({ periodS }: Pulse, timesignature: TimeSignature): number {
  const bpm = 60 / periodS;
  return timesignature === "6" && bpm < slowestDottedBpm ? bpm * 3 : bpm;
}

function tempos(bpm: number, choices: readonly MetreChoice[]): TempoAlternative[] {
  const found: TempoAlternative[] = [bpm / 2, bpm * 2]
    .filter((other) => other >= leastBpm && other <= mostBpm)
    .map((other) => ({ bpm: other, ratio: other / bpm, confidence: 0 }));
  for (const { pulse, timesignature, probability } of choices) {
    const other = writtenBpm(pulse, timesignature);
    if (Math.abs(other / bpm - 1) < 0.02) continue;
    const known = found.find((alternative) => Math.abs(alternative.bpm / other - 1) < 0.02);
    if (known !== undefined) known.confidence += probability;
    else found.push({ bpm: other, ratio: other / bpm, confidence: probability });
  }
  return found
    .filter(
      ({ ratio, confidence }) => confidence >= likely || Math.abs(Math.abs(Math.log2(ratio)) - 1) < 1e-9,
    )
    .sort((a, b) => b.confidence - a.confidence);
}

function signatures({ timesignature }: MetreChoice, choices: readonly MetreChoice[]): TimeSignatureJudgement {
  const likelihood = (wanted: TimeSignature): number =>
    sumOf(choices, (choice) => choice.timesignature === wanted);
  const others = (["3", "4", "6"] as const).filter((other) => other !== timesignature);
  return {
    timesignature,
    confidence: likelihood(timesignature),
    alternatives: others
      .map((other) => ({ timesignature: other, confidence: likelihood(other) }))
      .sort((a, b) => b.confidence - a.confidence),
  };
}

function sumOf(choices: readonly MetreChoice[], holds: (choice: MetreChoice) => boolean): number {
  return choices.reduce((sum, choice) => sum + (holds(choice) ? choice.probability : 0), 0);
}
