import type { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { GraphBuilder, Value } from "../onnx/graph-builder.js";
import type { Qwen3Config } from "./qwen3-config.js";

// Shapes: B batch, S tokens, P earlier tokens, T = P + S, D hidden, H query heads, G key/value heads, R = H / G,
// K head size.

/** Keys and values of the tokens before these, as they were kept: [1, P, G, K] each. */
export interface PastTokens {
  readonly keys: Value;
  readonly values: Value;
}

/** Keys and values of the tokens of this pass, to be kept: [1, S, G, K] each. */
export type NewTokens = PastTokens;

/** Writes the layers that text encoder and language model share; its inputs are those of {@link qwen3Positions}. */
export class Qwen3Layers {
  readonly #graph: GraphBuilder;
  readonly #config: Qwen3Config;
  readonly #weights: CheckpointWeights;
  readonly #cos: Value;
  readonly #sin: Value;
  readonly #mask: Value;
  /** The lengths [B, S]. */
  readonly #lengths: Value;

  /** @param total name of the axis of all tokens that can be seen: `tokens` without a past. */
  constructor(
    graph: GraphBuilder,
    config: Qwen3Config,
    weights: CheckpointWeights,
    ids: Value,
    total = "tokens",
  ) {
    this.#graph = graph;
    this.#config = config;
    this.#weights = weights;
    this.#cos = graph.input("cos", "F32", ["tokens", config.headDim]);
    this.#sin = graph.input("sin", "F32", ["tokens", config.headDim]);
    this.#mask = graph.input("mask", "F32", ["tokens", total]);
    this.#lengths = graph.node("Shape", [ids]);
  }

  /** ids [B, S] -> [B, S, D]. Rows are gathered in the file's dtype, so the table is never widened as a whole. */
  embedding(ids: Value): Value {
    const { vocabulary, hiddenSize } = this.#config;
    const table = this.#weights.raw(this.#graph, "embed_tokens.weight", [vocabulary, hiddenSize]);
    return this.#graph.node("Cast", [this.#graph.node("Gather", [table, ids])], { to: { int: 1 } });
  }

  /** One layer; with a past it also gives what has to be kept of these tokens. */
  layer(name: string, x: Value): { x: Value; kept: undefined };
  layer(name: string, x: Value, past: PastTokens): { x: Value; kept: NewTokens };
  layer(name: string, x: Value, past?: PastTokens): { x: Value; kept: NewTokens | undefined } {
    const { hiddenSize } = this.#config;
    const normed = this.norm(`${name}.input_layernorm.weight`, x, hiddenSize);
    const { mixed, kept } = this.#attention(`${name}.self_attn`, normed, past);
    const y = this.#graph.node("Add", [x, mixed]);
    const fed = this.#mlp(`${name}.mlp`, this.norm(`${name}.post_attention_layernorm.weight`, y, hiddenSize));
    return { x: this.#graph.node("Add", [y, fed]), kept };
  }

  norm(name: string, x: Value, width: number): Value {
    const scale = this.#weights.float32(this.#graph, name, [width]);
    return this.#graph.node("RMSNormalization", [x, scale], {
      axis: { int: -1 },
      epsilon: { float: this.#config.epsilon },
    });
  }

  #attention(
    name: string,
    x: Value,
    past: PastTokens | undefined,
  ): { mixed: Value; kept: NewTokens | undefined } {
    const graph = this.#graph;
    const { hiddenSize, heads, kvHeads, headDim } = this.#config;
    const groups = heads / kvHeads;
    const q = this.#rotated(this.#heads(`${name}.q`, x, heads, true));
    const k = this.#rotated(this.#heads(`${name}.k`, x, kvHeads, true));
    const v = this.#heads(`${name}.v`, x, kvHeads, false);
    // What is kept stands token after token, so that a growing past is one piece of memory.
    const kept = past && { keys: this.#headsAndTokensSwapped(k), values: this.#headsAndTokensSwapped(v) };
    const keysSeen = this.#withPast(k, past?.keys, kept?.keys);
    const valuesSeen = this.#withPast(v, past?.values, kept?.values);

    // The query heads of one key/value head become an axis of their own: [B, G, R, S, K] against [B, G, 1, T, K].
    const grouped = graph.node("Reshape", [q, graph.integers([0, kvHeads, groups, -1, headDim])]);
    const shared = graph.integers([2]);
    const keys = graph.node("Transpose", [graph.node("Unsqueeze", [keysSeen, shared])], {
      perm: { ints: [0, 1, 2, 4, 3] },
    });
    const scaled = graph.node("Mul", [grouped, graph.scalar(headDim ** -0.5)]);
    const scores = graph.node("Add", [graph.node("MatMul", [scaled, keys]), this.#mask]);
    const weights = graph.node("Softmax", [scores], { axis: { int: -1 } });
    const mixed = graph.node("MatMul", [weights, graph.node("Unsqueeze", [valuesSeen, shared])]);
    const joined = graph.node("Reshape", [mixed, graph.integers([0, heads, -1, headDim])]);
    const flat = graph.node("Reshape", [
      this.#headsAndTokensSwapped(joined),
      graph.integers([0, 0, heads * headDim]),
    ]);
    return { mixed: this.#linear(`${name}.o_proj.weight`, flat, heads * headDim, hiddenSize), kept };
  }

  /** Keys or values of all tokens that can be seen, [B, G, T, K]. */
  #withPast(now: Value, past: Value | undefined, kept: Value | undefined): Value {
    if (past === undefined || kept === undefined) return now;
    return this.#headsAndTokensSwapped(this.#graph.node("Concat", [past, kept], { axis: { int: 1 } }));
  }

  #headsAndTokensSwapped(x: Value): Value {
    return this.#graph.node("Transpose", [x], { perm: { ints: [0, 2, 1, 3] } });
  }

  /** [B, S, D] -> [B, heads, S, K], q and k with their norm. */
  #heads(name: string, x: Value, heads: number, normed: boolean): Value {
    const graph = this.#graph;
    const { hiddenSize, headDim } = this.#config;
    const projected = this.#linear(`${name}_proj.weight`, x, hiddenSize, heads * headDim);
    let split = graph.node("Reshape", [projected, graph.integers([0, 0, heads, headDim])]);
    if (normed) split = this.norm(`${name}_norm.weight`, split, headDim);
    return this.#headsAndTokensSwapped(split);
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
