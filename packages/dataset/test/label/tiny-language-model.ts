import { fromFloat32, writeSafetensors } from "@acewright/core-native";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gaussians } from "../../src/preprocess/gaussian.js";
import { toyTextEncoder } from "../reference-folders.js";

const [hidden, intermediate, layers, heads, kvHeads, headDim] = [16, 32, 2, 2, 1, 8];
export const audioCodes = 64_000;

/**
 * Writes a language model in the official layout: the toy's tokenizer with all audio codes added, and random weights.
 * What it says has no sense, but it says it in the right form when it is constrained.
 */
export function writeTinyLanguageModel(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const tokenizer = JSON.parse(readFileSync(join(toyTextEncoder, "tokenizer.json"), "utf8")) as {
    model: { vocab: Record<string, number> };
    added_tokens: { id: number; content: string }[];
  };
  const first = Object.keys(tokenizer.model.vocab).length + tokenizer.added_tokens.length;
  const template = tokenizer.added_tokens.at(-1);
  for (let code = 0; code < audioCodes; code++) {
    tokenizer.added_tokens.push({ ...template, id: first + code, content: `<|audio_code_${code}|>` });
  }
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  copyFileSync(join(toyTextEncoder, "tokenizer_config.json"), join(folder, "tokenizer_config.json"));
  const vocabulary = first + audioCodes;
  const config = {
    model_type: "qwen3",
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    vocab_size: vocabulary,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
    max_position_embeddings: 4096,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config, null, 2));
  writeSafetensors(join(folder, "model.safetensors"), {
    "model.embed_tokens.weight": random("embed", vocabulary, hidden),
    "model.norm.weight": ones(hidden),
    ...Object.fromEntries(
      Array.from({ length: layers }, (_, i) => Object.entries(layer(`model.layers.${i}`))).flat(),
    ),
  });
  return folder;
}

function layer(name: string): Record<string, ReturnType<typeof random>> {
  const attention = `${name}.self_attn`;
  return {
    [`${attention}.q_proj.weight`]: random(`${name}q`, heads * headDim, hidden),
    [`${attention}.k_proj.weight`]: random(`${name}k`, kvHeads * headDim, hidden),
    [`${attention}.v_proj.weight`]: random(`${name}v`, kvHeads * headDim, hidden),
    [`${attention}.o_proj.weight`]: random(`${name}o`, hidden, heads * headDim),
    [`${attention}.q_norm.weight`]: ones(headDim),
    [`${attention}.k_norm.weight`]: ones(headDim),
    [`${name}.input_layernorm.weight`]: ones(hidden),
    [`${name}.post_attention_layernorm.weight`]: ones(hidden),
    [`${name}.mlp.gate_proj.weight`]: random(`${name}g`, intermediate, hidden),
    [`${name}.mlp.up_proj.weight`]: random(`${name}u`, intermediate, hidden),
    [`${name}.mlp.down_proj.weight`]: random(`${name}d`, hidden, intermediate),
  };
}

function random(name: string, rows: number, columns: number): ReturnType<typeof fromFloat32> {
  const period = gaussians(name, Math.min(rows * columns, 10_007));
  // A million normal numbers would take a second; a prime period shares no row with another.
  const values = Float32Array.from(
    { length: rows * columns },
    (_, i) => (period[i % period.length] as number) / Math.sqrt(columns),
  );
  return fromFloat32(values, [rows, columns]);
}

function ones(length: number): ReturnType<typeof fromFloat32> {
  return fromFloat32(new Float32Array(length).fill(1), [length]);
}
