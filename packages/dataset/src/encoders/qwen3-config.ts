import { AceError } from "@acewright/core-native";
import { join } from "node:path";
import { z } from "zod";
import { readConfigFile } from "./config-file.js";

const size = z.int().positive().max(1_000_000);

const schema = z.object({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size.optional(),
  vocab_size: size,
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(1_000_000),
  hidden_act: z.literal("silu").default("silu"),
  attention_bias: z.literal(false).default(false),
  use_sliding_window: z.literal(false).default(false),
  rope_scaling: z.null().optional(),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: size.default(32_768),
});

/** Sizes of a Qwen3 network, from its `config.json`. */
export interface Qwen3Config {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly ropeTheta: number;
  /** The head that predicts tokens is the embedding table. */
  readonly isTied: boolean;
  /** Tokens the model was made for. */
  readonly maxTokens: number;
}

/** @throws {AceError} ERR_FILE or ERR_CHECKPOINT when the config is missing or asks for what Qwen3-Embedding lacks. */
export function readQwen3Config(folder: string): Qwen3Config {
  const path = join(folder, "config.json");
  const config = readConfigFile(path, schema);
  const [heads, kvHeads] = [config.num_attention_heads, config.num_key_value_heads];
  const headDim = config.head_dim ?? config.hidden_size / heads;
  if (heads % kvHeads !== 0 || headDim % 2 !== 0) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${path}: ${heads} heads of ${headDim} do not fit ${kvHeads} key/value heads`,
    );
  }
  return {
    hiddenSize: config.hidden_size,
    intermediateSize: config.intermediate_size,
    layers: config.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    vocabulary: config.vocab_size,
    epsilon: config.rms_norm_eps,
    ropeTheta: config.rope_theta,
    isTied: config.tie_word_embeddings,
    maxTokens: config.max_position_embeddings,
  };
}
