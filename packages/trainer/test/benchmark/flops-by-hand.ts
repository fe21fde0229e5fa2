import type { ModelConfig } from "@acewright/core-native";

/** The shapes that a step's matrix work follows from. */
export type Shapes = Pick<
  ModelConfig,
  | "layers"
  | "hiddenSize"
  | "intermediateSize"
  | "heads"
  | "kvHeads"
  | "headDim"
  | "encoderHiddenSize"
  | "patchSize"
  | "latentChannels"
  | "slidingWindow"
>;

/** The wave of the timestep that the embedding's first product reads. */
const sinusoid = 256;

/**
 * A training step's operations counted from the architecture, apart from the core's own count of its program: one song, LoRA
 * on q, k, v and o of both attentions, nothing recomputed. Every second layer, the first included, sees a window.
 */
export function flopsByHand(m: Shapes, tokens: number, conditionTokens: number, rank: number): number {
  const { hiddenSize: width, intermediateSize: inner } = m;
  const [query, keys] = [m.heads * m.headDim, m.kvHeads * m.headDim];
  const product = (rows: number, from: number, to: number) => 2 * rows * from * to;
  /** Frozen weight and low rank: forward, both factors' gradients, and the input's where somebody below wants it. */
  const adapted = (rows: number, from: number, to: number, wantsInput: boolean) => {
    const [base, low] = [product(rows, from, to), product(rows, from, rank) + product(rows, rank, to)];
    const factors = low + product(rows, rank, to); // dA and dB, and what dA is made of: dy B
    return base + low + factors + (wantsInput ? base + product(rows, rank, from) : 0);
  };
  const seen = (window: number) => {
    let pairs = 0;
    for (let at = 0; at < tokens; at++)
      pairs += Math.min(tokens - 1, at + window) - Math.max(0, at - window) + 1;
    return pairs;
  };
  /** Scores and their use, forward; backward has twice as many products: of queries, keys, values and scores. */
  const attention = (pairs: number) => 3 * 2 * product(pairs, query, 1);
  const layer = (index: number) => {
    // Below the first layer's adapters nothing is trained.
    const below = index > 0;
    const self =
      adapted(tokens, width, query, below) +
      2 * adapted(tokens, width, keys, below) +
      attention(index % 2 === 0 ? seen(m.slidingWindow) : tokens * tokens) +
      adapted(tokens, query, width, true);
    const cross =
      adapted(tokens, width, query, true) +
      2 * adapted(conditionTokens, width, keys, false) +
      attention(tokens * conditionTokens) +
      adapted(tokens, query, width, true);
    const mlp = 2 * 3 * product(tokens, width, inner);
    return self + cross + mlp;
  };
  const timestep = product(1, sinusoid, width) + product(1, width, width) + product(1, width, 6 * width);
  const frozen =
    product(tokens, 3 * m.latentChannels * m.patchSize, width) +
    product(conditionTokens, m.encoderHiddenSize, width) +
    2 * timestep + // of t and of r
    2 * product(tokens, width, m.latentChannels * m.patchSize);
  return Array.from({ length: m.layers }, (_, i) => layer(i)).reduce((sum, value) => sum + value, frozen);
}
