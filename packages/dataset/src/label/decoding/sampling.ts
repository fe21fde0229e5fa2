import { createHash } from "node:crypto";
import { philox } from "../../preprocess/gaussian.js";

/** How the next token is drawn. */
export interface Sampling {
  /** 0: always the likeliest. */
  readonly temperature: number;
  /** Only so many of the likeliest; 0: all. */
  readonly topK: number;
  /** Only the likeliest that together have this probability; 1: all. */
  readonly topP: number;
  /** Divides (multiplies, when negative) the logits of tokens that were there already; 1: off. */
  readonly repetitionPenalty: number;
}

/** Numbers in [0, 1) that depend on the key alone, one a call. */
export function uniforms(key: string): () => number {
  const digest = createHash("sha256").update(key).digest();
  const [k0, k1] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
  let counter = 0;
  return () => philox(counter++, k0, k1)[0] / 2 ** 32;
}

/**
 * Draws the next token.
 *
 * @param logits [vocabulary]; @param allowed ids to choose from, default all; @param seen ids the penalty is for.
 * @param random in [0, 1).
 */
export function sampleToken(
  logits: Float32Array,
  { temperature, topK, topP, repetitionPenalty }: Sampling,
  random: () => number,
  allowed?: Uint32Array,
  seen?: ReadonlySet<number>,
): number {
  const ids = allowed ?? Uint32Array.from(logits, (_, id) => id);
  if (ids.length === 1) return ids[0] as number;
  const scores = new Float64Array(ids.length);
  let best = 0;
  for (const [i, id] of ids.entries()) {
    let score = logits[id] as number;
    if (repetitionPenalty !== 1 && seen?.has(id) === true) {
      score = score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
    }
    scores[i] = score;
    if (score > (scores[best] as number)) best = i;
  }
  if (temperature === 0) return ids[best] as number;
  const top = scores[best] as number;
  const weights = scores.map((score) => Math.exp((score - top) / temperature));
  const limit = (topK > 0 && topK < ids.length) || topP < 1 ? smallestKept(weights, topK, topP) : 0;
  let total = 0;
  for (const weight of weights) if (weight >= limit) total += weight;
  let rest = random() * total;
  let last = best;
  for (const [i, weight] of weights.entries()) {
    if (weight < limit || weight === 0) continue;
    last = i;
    rest -= weight;
    if (rest < 0) break;
  }
  return ids[last] as number;
}

/** The least weight that top-k and top-p keep; equal ones are kept together. */
function smallestKept(weights: Float64Array, topK: number, topP: number): number {
  const sorted = Float64Array.from(weights).sort().reverse();
  const kept = topK > 0 ? sorted.subarray(0, topK) : sorted;
  let limit = kept.at(-1) as number;
  if (topP < 1) {
    const total = kept.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    for (const weight of kept) {
      sum += weight;
      if (sum >= topP * total) {
        limit = weight;
        break;
      }
    }
  }
  return limit;
}
