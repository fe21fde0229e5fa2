import { AceError, formatBytes, openCheckpoint } from "@acewright/core-native";
import { join } from "node:path";
import { hasOwnHead } from "../../encoders/qwen3-causal-graph.js";
import { readOobleckConfig } from "../../encoders/oobleck-config.js";
import { readQwen3Config } from "../../encoders/qwen3-config.js";
import type { ModelFolders } from "../../encoders/model-folders.js";
import { prefillTokens } from "./causal-model.js";

/** Bytes a network needs, by what they are for. */
export interface MemoryNeed {
  readonly weights: number;
  /** Keys and values of the whole context; none where there is no cache. */
  readonly cache: number;
  /** What one pass holds besides. */
  readonly pass: number;
  readonly total: number;
}

/** Weights are float32 in memory, whatever they are in the file. */
const floatBytes = 4;
/** Measured at the published width of 128: bytes of activations per second of a tile of 6.4 s. */
const vaeTileBytes = 6.4 * 200e6;
const publishedVaeWidth = 128;

/**
 * Bytes the language model of a folder needs, read from its headers; nothing is loaded.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT for what is no language model.
 */
export function languageModelMemory(folder: string, contextTokens: number): MemoryNeed {
  const config = readQwen3Config(folder);
  const checkpoint = openCheckpoint(folder);
  const { layers, kvHeads, headDim, heads, vocabulary, hiddenSize, intermediateSize } = config;
  let weights = 0;
  for (const [name, { shape, byteLength, dtype }] of checkpoint.tensors) {
    const widened = shape.reduce((product, length) => product * length, floatBytes);
    const isTable = name.endsWith("embed_tokens.weight");
    if (name === "lm_head.weight" && !hasOwnHead(config, checkpoint)) continue;
    // Rows are gathered from the table as it is; a tied head widens it besides.
    if (!isTable) weights += widened;
    else if (hasOwnHead(config, checkpoint)) weights += byteLength;
    else weights += dtype === "F32" ? byteLength : byteLength + widened;
  }
  const cache = 2 * layers * kvHeads * headDim * floatBytes * contextTokens;
  // Scores and their softmax, both sides of the gate, one layer's cache put together and transposed, logits.
  const pass =
    floatBytes *
    (2 * heads * prefillTokens * contextTokens +
      prefillTokens * (4 * intermediateSize + 6 * hiddenSize) +
      4 * kvHeads * headDim * contextTokens +
      2 * vocabulary);
  return { weights, cache, pass, total: weights + cache + pass };
}

/** Bytes of the networks that make audio codes, autoencoder and audio tokenizer together. */
export function audioCodesMemory({ vae, model }: Pick<ModelFolders, "vae" | "model">): MemoryNeed {
  const widened = (folder: string, stem: string, prefix: string): number =>
    [...openCheckpoint(folder, stem).tensors]
      .filter(([name]) => name.startsWith(prefix))
      .reduce(
        (sum, [, { shape }]) => sum + shape.reduce((product, length) => product * length, floatBytes),
        0,
      );
  const weights = widened(vae, "diffusion_pytorch_model", "encoder.") + widened(model, "model", "tokenizer.");
  const pass = vaeTileBytes * (readOobleckConfig(vae).encoderWidth / publishedVaeWidth);
  return { weights, cache: 0, pass, total: weights + pass };
}

/**
 * Says what a network needs, and refuses what does not fit.
 *
 * @param free bytes, default what this process may still take.
 * @throws {AceError} ERR_OUT_OF_MEMORY with what would fit.
 */
export function checkMemory(
  what: string,
  need: MemoryNeed,
  advice: string,
  free = process.availableMemory(),
): void {
  if (need.total <= free) return;
  throw new AceError(
    "ERR_OUT_OF_MEMORY",
    `${what} needs ${memoryWords(need)}, ${formatBytes(free)} are free; ${advice}`,
  );
}

/** "3.4 GiB (weights 2.3 GiB, cache 0.9 GiB, one pass 0.2 GiB)" */
export function memoryWords({ weights, cache, pass, total }: MemoryNeed): string {
  const parts = [
    `weights ${formatBytes(weights)}`,
    ...(cache === 0 ? [] : [`cache ${formatBytes(cache)}`]),
    `one pass ${formatBytes(pass)}`,
  ];
  return `${formatBytes(total)} (${parts.join(", ")})`;
}

/** How to make a language model fit. */
export function languageModelAdvice(folder: string): string {
  return `take a smaller one than ${join(folder)}, a shorter context (contextTokens, --context-tokens), let a server answer (--lm-server), or load it all the same (checkMemory: false, --no-check-memory)`;
}
