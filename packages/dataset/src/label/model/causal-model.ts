import { AceError, openCheckpoint } from "@acewright/core-native";
import { qwen3Causal } from "../../encoders/qwen3-causal-graph.js";
import type { Qwen3Config } from "../../encoders/qwen3-config.js";
import { readQwen3Config } from "../../encoders/qwen3-config.js";
import { qwen3Positions } from "../../encoders/qwen3-graph.js";
import type { NetworkOptions, NetworkTensor } from "../../onnx/network.js";
import { Network } from "../../onnx/network.js";

/** Tokens of a prompt computed in one pass: a pass holds heads x these x all tokens before them in scores. */
export const prefillTokens = 256;

/** A Qwen3 language model: token ids to the logits of the next one. */
export class CausalModel {
  private constructor(
    readonly config: Qwen3Config,
    private readonly network: Network,
  ) {}

  /**
   * @param folder with config.json and model.safetensors, or its shards and their index.
   * @throws {AceError} ERR_FILE, ERR_CHECKPOINT for files that are missing, damaged or another model's.
   */
  static async open(folder: string, options: NetworkOptions): Promise<CausalModel> {
    const config = readQwen3Config(folder);
    const model = qwen3Causal(config, openCheckpoint(folder));
    return new CausalModel(config, await Network.open("language model", model, options));
  }

  /** An empty text with room for so many tokens. */
  begin(capacity: number): TokenSequence {
    return new TokenSequence(this.config, this.network, capacity);
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

/** A text that grows; the keys and values of its tokens are kept. */
export class TokenSequence {
  readonly #config: Qwen3Config;
  readonly #network: Network;
  /** Keys, then values, of each layer: [capacity, G, K]. */
  readonly #cache: readonly Float32Array[];
  readonly #capacity: number;
  #length = 0;

  constructor(config: Qwen3Config, network: Network, capacity: number) {
    this.#config = config;
    this.#network = network;
    this.#capacity = capacity;
    const { layers, kvHeads, headDim } = config;
    this.#cache = Array.from({ length: 2 * layers }, () => new Float32Array(capacity * kvHeads * headDim));
  }

  /** Tokens so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Puts tokens behind the text, so many at a time, and gives the logits [vocabulary] of what comes next.
   *
   * @throws {AceError} ERR_CONFIG when there is no room; ERR_CHECKPOINT when an id lies outside the vocabulary;
   *   ERR_OUT_OF_MEMORY. The signal's reason when it is aborted between two passes.
   */
  async append(
    ids: readonly number[],
    { passTokens = prefillTokens, signal }: { passTokens?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array> {
    const { vocabulary } = this.#config;
    if (ids.length === 0) throw new AceError("ERR_INTERNAL", "no token to put behind the text");
    if (this.#length + ids.length > this.#capacity) {
      throw new AceError("ERR_CONFIG", `${this.#length + ids.length} tokens do not fit a context of ${this.#capacity}; allow more (contextTokens, --context-tokens), or take a shorter song`); // prettier-ignore
    }
    const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary);
    if (outside !== undefined) {
      throw new AceError("ERR_CHECKPOINT", `token id ${outside} lies outside the language model's vocabulary of ${vocabulary}; tokenizer.json belongs to another model`); // prettier-ignore
    }
    let logits: Float32Array | undefined;
    for (let from = 0; from < ids.length; from += passTokens) {
      signal?.throwIfAborted();
      logits = await this.#pass(ids.slice(from, from + passTokens));
    }
    return logits as Float32Array;
  }

  async #pass(ids: readonly number[]): Promise<Float32Array> {
    const { layers, kvHeads, headDim } = this.#config;
    const row = kvHeads * headDim;
    const inputs: Record<string, NetworkTensor> = {
      ids: { data: BigInt64Array.from(ids, BigInt), shape: [1, ids.length] },
      ...qwen3Positions(this.#config, ids.length, this.#length),
    };
    const shape = [1, this.#length, kvHeads, headDim];
    for (let i = 0; i < layers; i++) {
      const [keys, values] = this.#layerCache(i);
      inputs[`past_key.${i}`] = { data: keys.subarray(0, this.#length * row), shape };
      inputs[`past_value.${i}`] = { data: values.subarray(0, this.#length * row), shape };
    }
    const out = await this.#network.run(inputs);
    for (let i = 0; i < layers; i++) {
      const [keys, values] = this.#layerCache(i);
      keys.set(out[`new_key.${i}`] as Float32Array, this.#length * row);
      values.set(out[`new_value.${i}`] as Float32Array, this.#length * row);
    }
    this.#length += ids.length;
    return out["logits"] as Float32Array;
  }

  #layerCache(layer: number): readonly [Float32Array, Float32Array] {
    return [this.#cache[2 * layer] as Float32Array, this.#cache[2 * layer + 1] as Float32Array];
  }
}
