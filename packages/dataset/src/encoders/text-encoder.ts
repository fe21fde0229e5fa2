import type { Checkpoint } from "@acewright/core-native";
import { AceError, openCheckpoint, readByteRanges, toFloat32 } from "@acewright/core-native";
import { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { NetworkOptions } from "../onnx/network.js";
import { Network } from "../onnx/network.js";
import type { Qwen3Config } from "./qwen3-config.js";
import { readQwen3Config } from "./qwen3-config.js";
import { qwen3Encoder, qwen3Positions } from "./qwen3-graph.js";

const tableName = "embed_tokens.weight";

/** Names stand bare in the embedding model's file, and behind `model.` where it was saved with a head. */
export function qwen3Weights(checkpoint: Checkpoint): CheckpointWeights {
  return new CheckpointWeights(checkpoint, checkpoint.tensors.has(`model.${tableName}`) ? "model." : "");
}

/** Qwen3 text encoder: token ids to the last hidden state. */
export class TextEncoder {
  private constructor(
    readonly config: Qwen3Config,
    private readonly network: Network,
  ) {}

  /**
   * @param folder with config.json and model.safetensors.
   * @throws {AceError} ERR_FILE, ERR_CHECKPOINT for files that are missing, damaged or another model's.
   */
  static async open(folder: string, options: NetworkOptions): Promise<TextEncoder> {
    const config = readQwen3Config(folder);
    const weights = qwen3Weights(openCheckpoint(folder));
    const model = qwen3Encoder(config, weights);
    // A tied head repeats the embedding table.
    weights.refuseUnused((name) => name === "lm_head.weight");
    return new TextEncoder(config, await Network.open("text encoder", model, options));
  }

  /**
   * Last hidden state [tokens, hidden size] of one text.
   *
   * @throws {AceError} ERR_CHECKPOINT when an id lies outside the vocabulary (tokenizer and weights do not fit).
   */
  async encode(ids: readonly number[]): Promise<Float32Array> {
    checkIds(ids, this.config.vocabulary);
    const out = await this.network.run({
      ids: { data: BigInt64Array.from(ids, BigInt), shape: [1, ids.length] },
      ...qwen3Positions(this.config, ids.length),
    });
    return out["hidden"] as Float32Array;
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

/** Rows of the text encoder's embedding table, read from its file without loading the network. */
export class EmbeddingTable {
  readonly #checkpoint: Checkpoint;
  readonly #weights: CheckpointWeights;
  readonly #config: Qwen3Config;

  /** @throws {AceError} ERR_FILE, ERR_CHECKPOINT as {@link TextEncoder.open}. */
  constructor(folder: string) {
    this.#config = readQwen3Config(folder);
    this.#checkpoint = openCheckpoint(folder);
    this.#weights = qwen3Weights(this.#checkpoint);
  }

  /** [ids, hidden size]. @throws {AceError} ERR_CHECKPOINT when an id lies outside the vocabulary. */
  rows(ids: readonly number[]): Float32Array {
    const { hiddenSize, vocabulary } = this.#config;
    checkIds(ids, vocabulary);
    const { file, dtype, byteOffset, byteLength } = this.#weights.entry(tableName, [vocabulary, hiddenSize]);
    const rowBytes = byteLength / vocabulary;
    const ranges = ids.map((id) => [byteOffset + id * rowBytes, byteOffset + (id + 1) * rowBytes] as const);
    return toFloat32({ dtype, shape: [ids.length, hiddenSize], data: readByteRanges(file, ranges) });
  }
}

function checkIds(ids: readonly number[], vocabulary: number): void {
  const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary);
  if (outside !== undefined) {
    throw new AceError("ERR_CHECKPOINT", `token id ${outside} lies outside the text encoder's vocabulary of ${vocabulary}; tokenizer.json belongs to another model`); // prettier-ignore
  }
}
