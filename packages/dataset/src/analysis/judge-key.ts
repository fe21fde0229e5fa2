import type { Chroma } from "./chroma.js";
import { keyRelation, weighKeys } from "./key-model.js";

/** A key the song may be in instead. */
export interface KeyAlternative {
  key: string;
  /** What it is to the key given. */
  relation: "relative" | "parallel" | "fifth" | "other";
  confidence: number;
}

export interface KeyJudgement {
  /** As dataset.json has it, with sharps: `A# minor`. */
  key: string;
  /** 0 to 1. */
  confidence: number;
  /** The relative and the parallel key and both fifths always, others where they are likely; the likeliest first. */
  alternatives: KeyAlternative[];
}

/** Below this share of frames with pitches there is no key to hear. */
const fewestPitched = 0.1;
/** Another key is named when it is at least this likely. */
const likely = 0.05;

/** @returns undefined where hardly anything has a pitch */
export function judgeKey(chroma: Chroma): KeyJudgement | undefined {
  const pitched = chroma.weight.reduce((count, weight) => count + (weight > 0 ? 1 : 0), 0) / chroma.frames;
  const [best, ...others] = weighKeys(chroma);
  if (best === undefined || pitched < fewestPitched) return undefined;
  const alternatives = others.flatMap((other): KeyAlternative[] => {
    const relation = keyRelation(best, other);
    if (relation === undefined && other.probability < likely) return [];
    return [{ key: other.name, relation: relation ?? "other", confidence: other.probability }];
  });
  return { key: best.name, confidence: best.probability, alternatives };
}
