import type { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { OnnxModel, Value } from "../onnx/graph-builder.js";
import { GraphBuilder } from "../onnx/graph-builder.js";
import type { NetworkTensor } from "../onnx/network.js";
import type { Qwen3Config } from "./qwen3-config.js";

// Shapes: B batch, S tokens, D hidden, H query heads, G key/value heads, R = H / G, K head size.

/**
 * ids [B, S] with tables cos, sin [S, K] and mask [S, S] (see {@link qwen3Positions}) -> hidden [B, S, D] after the
 * final norm; with trace also `embedding` and `act.layer{i}`.
 */
export function qwen3Encoder(config: Qwen3Config, weights: CheckpointWeights, trace = false): OnnxModel {
  const graph = new GraphBuilder();
  const ids = graph.input("ids", "I64", ["batch", "tokens"]);
  const net = new Qwen3Graph(graph, config, weights, ids);
  const shape = ["batch", "tokens", config.hiddenSize];

  // Rows are gathered in the file's dtype, so the table is never widened as a whole.
  const table = weights.raw(graph, "embed_tokens.weight", [config.vocabulary, config.hiddenSize]);
  const embedding = graph.node("Cast", [graph.node("Gather", [table, ids])], { to: { int: 1 } });
  if (trace) graph.output("embedding", embedding, "F32", shape);
  let x = embedding;
  for (let i = 0; i < config.layers; i++) {
    x = net.layer(`layers.${i}`, x);
    if (trace) graph.output(`act.layer${i}`, x, "F32", shape);
  }
  graph.output("hidden", net.norm("norm.weight", x, config.hiddenSize), "F32", shape);
  return graph.model("qwen3_encoder");
}

/** What a pass over so many tokens needs besides their ids: rotation tables and the causal mask. */
export function qwen3Positions(
  config: Qwen3Config,
  tokens: number,
): Record<"cos" | "sin" | "mask", NetworkTensor> {
  const { headDim, ropeTheta } = config;
  const half = headDim / 2;
  const cos = new Float32Array(tokens * headDim);
  const sin = new Float32Array(tokens * headDim);
  for (let i = 0; i < half; i++) {
    // Angles are formed in float32, as the model was trained.
    const frequency = Math.fround(1 / Math.fround(ropeTheta ** Math.fround((2 * i) / headDim)));
    for (let position = 0; position < tokens; position++) {
      const angle = Math.fround(position * frequency);
      const at = position * headDim + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      // The first half is subtracted: with its sign in the table the rotation is one swap and two products.
      sin[at] = -Math.sin(angle);
      sin[at + half] = Math.sin(angle);
    }
  }
  const mask = new Float32Array(tokens * tokens);
  for (let query = 0; query < tokens; query++) {
    mask.fill(-Infinity, query * tokens + query + 1, (query + 1) * tokens);
  }
  return {
    cos: { data: cos, shape: [tokens, headDim] },
    sin: { data: sin, shape: [tokens, headDim] },
    mask: { data: mask, shape: [tokens, tokens] },
  };
}

class Qwen3Graph {
  readonly #graph: GraphBuilder;
  readonly #config: Qwen3Config;
  readonly #weights: CheckpointWeights;
  readonly #cos: Value;
  readonly #sin: Value;
  readonly #mask: Value;
  /** The lengths [B, S]. */
  readonly #lengths: Value;

  constructor(graph: GraphBuilder, config: Qwen3Config, weights: CheckpointWeights, ids: Value) {
    this.#graph = graph;
    this.#config = config;
    this.#weights = weights;
    this.#cos = graph.input("cos", "F32", ["tokens", config.headDim]);
    this.#sin = graph.input("sin", "F32", ["tokens", config.headDim]);
    this.#mask = graph.input("mask", "F32", ["tokens", "tokens"]);
    this.#lengths = graph.node("Shape", [ids]);
  }

  layer(name: string, x: Value): Value {
    const { hiddenSize } = this.#config;
    const attended = this.#attention(
      `${name}.self_attn`,
      this.norm(`${name}.input_layernorm.weight`, x, hiddenSize),
    );
    const y = this.#graph.node("Add", [x, attended]);
    const fed = this.#mlp(`${name}.mlp`, this.norm(`${name}.post_attention_layernorm.weight`, y, hiddenSize));
    return this.#graph.node("Add", [y, fed]);
  }

  norm(name: string, x: Value, width: number): Value {
    const scale = this.#weights.float32(this.#graph, name, [width]);
    return this.#graph.node("RMSNormalization", [x, scale], {
      axis: { int: -1 },
      epsilon: { float: this.#config.epsilon },
    });
  }

  #attention(name: string, x: Value): Value {
    const graph = this.#graph;
    const { hiddenSize, heads, kvHeads, headDim } = this.#config;
    const groups = heads / kvHeads;
    const q = this.#rotated(this.#heads(`${name}.q`, x, heads, true));
    const k = this.#rotated(this.#heads(`${name}.k`, x, kvHeads, true));
    const v = this.#heads(`${name}.v`, x, kvHeads, false);

    // The query heads of one key/value head become an axis of their own: [B, G, R, S, K] against [B, G, 1, S, K].
    const grouped = graph.node("Reshape", [q, graph.integers([0, kvHeads, groups, -1, headDim])]);
    const shared = graph.integers([2]);
    const keys = graph.node("Transpose", [graph.node("Unsqueeze", [k, shared])], {
      perm: { ints: [0, 1, 2, 4, 3] },
    });
    const scaled = graph.node("Mul", [grouped, graph.scalar(headDim ** -0.5)]);
    const scores = graph.node("Add", [graph.node("MatMul", [scaled, keys]), this.#mask]);
    const weights = graph.node("Softmax", [scores], { axis: { int: -1 } });
    const mixed = graph.node("MatMul", [weights, graph.node("Unsqueeze", [v, shared])]);
    const joined = graph.node("Reshape", [mixed, graph.integers([0, heads, -1, headDim])]);
    const tokensFirst = graph.node("Transpose", [joined], { perm: { ints: [0, 2, 1, 3] } });
    const flat = graph.node("Reshape", [tokensFirst, graph.integers([0, 0, heads * headDim])]);
    return this.#linear(`${name}.o_proj.weight`, flat, heads * headDim, hiddenSize);
  }

  /** [B, S, D] -> [B, heads, S, K], q and k with their norm. */
  #heads(name: string, x: Value, heads: number, normed: boolean): Value {
    const graph = this.#graph;
    const { hiddenSize, headDim } = this.#config;
    const projected = this.#linear(`${name}_proj.weight`, x, hiddenSize, heads * headDim);
    let split = graph.node("Reshape", [projected, graph.integers([0, 0, heads, headDim])]);
    if (normed) split = this.norm(`${name}_norm.weight`, split, headDim);
    return graph.node("Transpose", [split], { perm: { ints: [0, 2, 1, 3] } });
  }

  #rotated(x: Value): Value {
    const graph = this.#graph;
    const [first, second] = graph.nodes("Split", [x], { axis: { int: -1 }, num_outputs: { int: 2 } }, 2) as [
      Value,
      Value,
    ];
    const swapped = graph.node("Concat", [second, first], { axis: { int: -1 } });
    return graph.node("Add", [graph.node("Mul", [x, this.#cos]), graph.node("Mul", [swapped, this.#sin])]);
  }

  #mlp(name: string, x: Value): Value {
    const graph = this.#graph;
    const { hiddenSize, intermediateSize } = this.#config;
    const gate = this.#linear(`${name}.gate_proj.weight`, x, hiddenSize, intermediateSize);
    const up = this.#linear(`${name}.up_proj.weight`, x, hiddenSize, intermediateSize);
    const silu = graph.node("Mul", [gate, graph.node("Sigmoid", [gate])]);
    return this.#linear(
      `${name}.down_proj.weight`,
      graph.node("Mul", [silu, up]),
      intermediateSize,
      hiddenSize,
    );
  }

  /** x W^T with W [out, in] as stored: Gemm reads it so, where MatMul would need a second, transposed copy. */
  #linear(name: string, x: Value, from: number, to: number): Value {
    const graph = this.#graph;
    const weight = this.#weights.float32(graph, name, [to, from]);
    const rows = graph.node("Flatten", [x], { axis: { int: 2 } });
    const product = graph.node("Gemm", [rows, weight], { transB: { int: 1 } });
    const shape = graph.node("Concat", [this.#lengths, graph.integers([to])], { axis: { int: 0 } });
    return graph.node("Reshape", [product, shape]);
  }
}
