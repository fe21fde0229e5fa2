import type { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { OnnxModel } from "../onnx/graph-builder.js";
import { GraphBuilder } from "../onnx/graph-builder.js";
import type { NetworkTensor } from "../onnx/network.js";
import type { Qwen3Config } from "./qwen3-config.js";
import { Qwen3Layers } from "./qwen3-layers.js";

// Shapes: B batch, S tokens, P earlier tokens, D hidden, K head size.

/**
 * ids [B, S] with tables cos, sin [S, K] and mask [S, S] (see {@link qwen3Positions}) -> hidden [B, S, D] after the
 * final norm; with trace also `embedding` and `act.layer{i}`.
 */
export function qwen3Encoder(config: Qwen3Config, weights: CheckpointWeights, trace = false): OnnxModel {
  const graph = new GraphBuilder();
  const ids = graph.input("ids", "I64", ["batch", "tokens"]);
  const net = new Qwen3Layers(graph, config, weights, ids);
  const shape = ["batch", "tokens", config.hiddenSize];

  const embedding = net.embedding(ids);
  if (trace) graph.output("embedding", embedding, "F32", shape);
  let x = embedding;
  for (let i = 0; i < config.layers; i++) {
    x = net.layer(`layers.${i}`, x).x;
    if (trace) graph.output(`act.layer${i}`, x, "F32", shape);
  }
  graph.output("hidden", net.norm("norm.weight", x, config.hiddenSize), "F32", shape);
  return graph.model("qwen3_encoder");
}

/**
 * What a pass over so many tokens needs besides their ids: rotation tables [S, K] and the causal mask [S, P + S].
 *
 * @param past tokens before these, whose keys and values are kept.
 */
export function qwen3Positions(
  config: Qwen3Config,
  tokens: number,
  past = 0,
): Record<"cos" | "sin" | "mask", NetworkTensor> {
  const { headDim, ropeTheta } = config;
  const half = headDim / 2;
  const cos = new Float32Array(tokens * headDim);
  const sin = new Float32Array(tokens * headDim);
  for (let i = 0; i < half; i++) {
    // Angles are formed in float32, as the model was trained.
    const frequency = Math.fround(1 / Math.fround(ropeTheta ** Math.fround((2 * i) / headDim)));
    for (let position = 0; position < tokens; position++) {
      const angle = Math.fround((past + position) * frequency);
      const at = position * headDim + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      // The first half is subtracted: with its sign in the table the rotation is one swap and two products.
      sin[at] = -Math.sin(angle);
      sin[at + half] = Math.sin(angle);
    }
  }
  const seen = past + tokens;
  const mask = new Float32Array(tokens * seen);
  for (let query = 0; query < tokens; query++) {
    mask.fill(-Infinity, query * seen + past + query + 1, (query + 1) * seen);
  }
  return {
    cos: { data: cos, shape: [tokens, headDim] },
    sin: { data: sin, shape: [tokens, headDim] },
    mask: { data: mask, shape: [tokens, seen] },
  };
}
