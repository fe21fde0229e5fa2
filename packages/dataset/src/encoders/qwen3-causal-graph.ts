import type { Checkpoint } from "@acewright/core-native";
import { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { OnnxModel } from "../onnx/graph-builder.js";
import { GraphBuilder } from "../onnx/graph-builder.js";
import type { Qwen3Config } from "./qwen3-config.js";
import { Qwen3Layers } from "./qwen3-layers.js";
import { qwen3Weights } from "./text-encoder.js";

const headName = "lm_head.weight";
const tableName = "embed_tokens.weight";

// Shapes: S tokens, P tokens before them, D hidden, G key/value heads, K head size, V vocabulary.

/**
 * Qwen3 with its causal head and a cache: ids [1, S] with tables cos, sin [S, K], mask [S, P + S] (see
 * `qwen3Positions`) and past_key.i, past_value.i [1, P, G, K] of each layer -> logits [1, V] of the last token, and
 * new_key.i, new_value.i [1, S, G, K], to be put behind the past. Only what is new leaves the graph, so the cache lies
 * in memory once.
 *
 * @param allLogits logits [S, V] of every token.
 * @throws {AceError} ERR_CHECKPOINT for weights that are missing, of another shape, or another network's.
 */
export function qwen3Causal(config: Qwen3Config, checkpoint: Checkpoint, allLogits = false): OnnxModel {
  const { layers, kvHeads, headDim, hiddenSize, vocabulary } = config;
  const graph = new GraphBuilder();
  const weights = qwen3Weights(checkpoint);
  const headWeights = new CheckpointWeights(checkpoint);
  const ids = graph.input("ids", "I64", [1, "tokens"]);
  const net = new Qwen3Layers(graph, config, weights, ids, "total");

  let x = net.embedding(ids);
  for (let i = 0; i < layers; i++) {
    const shape = [1, "past", kvHeads, headDim];
    const keys = graph.input(`past_key.${i}`, "F32", shape);
    const values = graph.input(`past_value.${i}`, "F32", shape);
    const layer = net.layer(`layers.${i}`, x, { keys, values });
    x = layer.x;
    graph.output(`new_key.${i}`, layer.kept.keys, "F32", [1, "tokens", kvHeads, headDim]);
    graph.output(`new_value.${i}`, layer.kept.values, "F32", [1, "tokens", kvHeads, headDim]);
  }
  const wanted = allLogits ? x : graph.node("Gather", [x, graph.integers([-1])], { axis: { int: 1 } });
  const rows = graph.node("Flatten", [net.norm("norm.weight", wanted, hiddenSize)], { axis: { int: 2 } });
  const head = hasOwnHead(config, checkpoint)
    ? headWeights.float32(graph, headName, [vocabulary, hiddenSize])
    : weights.float32(graph, tableName, [vocabulary, hiddenSize]);
  const logits = graph.node("Gemm", [rows, head], { transB: { int: 1 } });
  graph.output("logits", logits, "F32", [allLogits ? "tokens" : 1, vocabulary]);
  // A tied checkpoint may repeat the table as its head.
  weights.refuseUnused((name) => name === headName);
  return graph.model("qwen3_causal");
}

/** Whether the head is a matrix of its own; a checkpoint without one shares the embedding table. */
export function hasOwnHead(config: Qwen3Config, checkpoint: Checkpoint): boolean {
  return !config.isTied && checkpoint.tensors.has(headName);
}
