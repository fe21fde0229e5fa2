import { AceError } from "@acewright/core-native";
import { folderFingerprint } from "../../fingerprint.js";
import type { NetworkOptions } from "../../onnx/network.js";
import { PromptTokenizer } from "../../tokenizer/prompt-tokenizer.js";
import type { Constraint } from "../decoding/constraint.js";
import { FormConstraints, unconstrained } from "../decoding/constraint.js";
import { sampleToken, uniforms } from "../decoding/sampling.js";
import { lyricsForm, metadataForm } from "../decoding/text-form.js";
import { CausalModel } from "./causal-model.js";
import { chatPrompt, lyricsRequest } from "./chat-prompt.js";
import type { Answer, AnswerRequest, LanguageModel } from "./language-model.js";
import { TokenVocabulary } from "./token-vocabulary.js";

/** A language model's tokenizer, which is read long before its weights. */
export interface LanguageModelWords {
  readonly tokenizer: PromptTokenizer;
  readonly vocabulary: TokenVocabulary;
}

/** @throws {AceError} ERR_FILE, ERR_CHECKPOINT for a folder whose tokenizer is not a 5 Hz language model's. */
export function readLanguageModelWords(folder: string): LanguageModelWords {
  const tokenizer = PromptTokenizer.open(folder);
  return { tokenizer, vocabulary: new TokenVocabulary(folder, tokenizer) };
}

export interface LocalLanguageModelOptions extends NetworkOptions {
  /** Default: read from the folder. */
  readonly words?: LanguageModelWords;
  /** Tokens of prompt and answer together. */
  readonly contextTokens: number;
}

/** A language model's folder, run in this process. */
export class LocalLanguageModel implements LanguageModel {
  readonly fingerprint: string;
  readonly #model: CausalModel;
  readonly #tokenizer: PromptTokenizer;
  readonly #vocabulary: TokenVocabulary;
  readonly #metadata: FormConstraints;
  readonly #contextTokens: number;

  private constructor(
    folder: string,
    model: CausalModel,
    tokenizer: PromptTokenizer,
    vocabulary: TokenVocabulary,
    contextTokens: number,
  ) {
    this.fingerprint = languageModelFingerprint(folder);
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#vocabulary = vocabulary;
    this.#contextTokens = contextTokens;
    this.#metadata = new FormConstraints(vocabulary, metadataForm(vocabulary.ids));
  }

  /**
   * @param folder with config.json, weights and tokenizer.json of a 5 Hz language model.
   * @throws {AceError} ERR_FILE, ERR_CHECKPOINT for files that are missing, damaged or another model's.
   */
  static async open(folder: string, options: LocalLanguageModelOptions): Promise<LocalLanguageModel> {
    const { contextTokens, words = readLanguageModelWords(folder), ...network } = options;
    const { tokenizer, vocabulary } = words;
    const model = await CausalModel.open(folder, network);
    return new LocalLanguageModel(folder, model, tokenizer, vocabulary, contextTokens);
  }

  async describe(codes: readonly number[], withLyrics: boolean, request: AnswerRequest): Promise<Answer> {
    const { before, after } = chatPrompt("describe");
    const prompt = [
      ...this.#tokenizer.ids(before),
      ...codes.map((code) => this.#vocabulary.codeId(code)),
      ...this.#tokenizer.ids(after),
    ];
    const constraint = request.isConstrained
      ? this.#metadata.begin(withLyrics, freeTokens(request))
      : unconstrained;
    return await this.#answer(prompt, constraint, request);
  }

  async formatLyrics(caption: string, lyrics: string, request: AnswerRequest): Promise<Answer> {
    const { before, after } = chatPrompt("format");
    const prompt = this.#tokenizer.ids(`${before}${lyricsRequest(caption, lyrics)}${after}`);
    const lines = lyrics
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
    const constraint = request.isConstrained
      ? new FormConstraints(this.#vocabulary, lyricsForm(this.#vocabulary.ids, lines)).begin(
          false,
          freeTokens(request),
        )
      : unconstrained;
    return await this.#answer(prompt, constraint, request);
  }

  close(): Promise<void> {
    return this.#model.close();
  }

  async #answer(prompt: readonly number[], constraint: Constraint, request: AnswerRequest): Promise<Answer> {
    const { sampling, key, maxNewTokens, signal, onTokens } = request;
    const room = this.#contextTokens - prompt.length;
    if (room < 1) {
      throw new AceError("ERR_CONFIG", `the prompt has ${prompt.length} tokens, the context ${this.#contextTokens}; allow more (contextTokens, --context-tokens)`); // prettier-ignore
    }
    const limit = Math.min(maxNewTokens, room);
    const random = uniforms(key);
    const sequence = this.#model.begin(prompt.length + limit);
    const answer: number[] = [];
    const seen = new Set<number>();
    let next = prompt;
    while (answer.length < limit) {
      const logits = await sequence.append(next, { signal });
      signal?.throwIfAborted();
      const id = sampleToken(logits, sampling, random, constraint.allowed(), seen);
      const isEnd = this.#vocabulary.isEnd(id);
      if (!isEnd) answer.push(id);
      seen.add(id);
      constraint.advance(id);
      onTokens?.(answer.length);
      if (isEnd || constraint.isDone) return this.#told(answer, true);
      next = [id];
    }
    return this.#told(answer, false);
  }

  #told(ids: readonly number[], isWhole: boolean): Answer {
    return { text: this.#vocabulary.decode(ids), tokens: ids.length, isWhole };
  }
}

/** Tokens that the block's fixed words and short values take, written in single bytes at worst. */
const fixedTokens = 120;
/** What caption or genres may take at most; a caption of the published model has about a hundred. */
const mostFreeTokens = 300;

/** How long caption and genres may each become, so that the block always comes to its end. */
function freeTokens({ maxNewTokens }: AnswerRequest): number {
  return Math.max(8, Math.min(mostFreeTokens, Math.floor((maxNewTokens - fixedTokens) / 3)));
}

/** Tells two language models apart without loading them. */
export function languageModelFingerprint(folder: string): string {
  return folderFingerprint(folder, "model", ["config.json", "tokenizer.json"]);
}
