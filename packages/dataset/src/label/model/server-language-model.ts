import { z } from "zod";
import { jsonBy } from "../../annotate/http/json-answer.js";
import { Secret } from "../../annotate/http/secret.js";
import { ServiceClient } from "../../annotate/http/service-client.js";
import { textSha256 } from "../../fingerprint.js";
import { chatPrompt, codesText, lyricsRequest } from "./chat-prompt.js";
import type { Answer, AnswerRequest, LanguageModel } from "./language-model.js";

export interface ServerOptions {
  /** Base URL; completions are asked for at `completions` below it, or at /v1/completions of a bare host. */
  readonly url: string;
  /** The server's name for its model; default what the server has by itself. */
  readonly model?: string | undefined;
  readonly retries: number;
  readonly retryWaitS: number;
  readonly timeoutS: number;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A server that asks for a longer wait is not waited for. */
const longestWaitS = 300;
const keyVariable = "OPENAI_API_KEY";

const Completion = z.looseObject({
  choices: z.array(z.looseObject({ text: z.string(), finish_reason: z.string().nullish() })).min(1),
  usage: z.looseObject({ completion_tokens: z.int().nonnegative().optional() }).nullish(),
});

/**
 * A 5 Hz language model behind an OpenAI-compatible completion server (vLLM, llama.cpp and the like). The prompt goes as
 * text; the server answers as it likes, and what it says is held against the valid values afterwards.
 */
export class ServerLanguageModel implements LanguageModel {
  readonly fingerprint: string;
  /** What the user should know before anything is sent. */
  readonly warnings: readonly string[];
  readonly #client: ServiceClient;
  readonly #path: string;
  readonly #model: string | undefined;

  /** @throws {AceError} ERR_CONFIG when the URL is none, or the key in the environment is none. */
  constructor({ url, model, retries, retryWaitS, timeoutS, environment = process.env }: ServerOptions) {
    this.#client = new ServiceClient({
      name: "the language model's server",
      baseUrl: url,
      secret: Secret.fromEnvironment(environment, keyVariable),
      keyHeader: (key) => ({ authorization: `Bearer ${key}` }),
      retries,
      retryWaitS,
      longestWaitS,
      timeoutS,
    });
    this.#path = new URL(url).pathname === "/" ? "v1/completions" : "completions";
    this.#model = model;
    this.fingerprint = textSha256(JSON.stringify([url, model ?? ""]));
    this.warnings = this.#client.showsKey
      ? [`${keyVariable} goes to ${this.#client.origin} unencrypted; use https://`]
      : [];
  }

  async describe(codes: readonly number[], _withLyrics: boolean, request: AnswerRequest): Promise<Answer> {
    const { before, after } = chatPrompt("describe");
    return await this.#complete(`${before}${codesText(codes)}${after}`, request);
  }

  async formatLyrics(caption: string, lyrics: string, request: AnswerRequest): Promise<Answer> {
    const { before, after } = chatPrompt("format");
    return await this.#complete(`${before}${lyricsRequest(caption, lyrics)}${after}`, request);
  }

  async close(): Promise<void> {
    // Nothing is held open between two requests.
  }

  async #complete(prompt: string, request: AnswerRequest): Promise<Answer> {
    const { sampling, key, maxNewTokens, signal, onTokens } = request;
    const { temperature, topK, topP, repetitionPenalty } = sampling;
    const body = {
      ...(this.#model === undefined ? {} : { model: this.#model }),
      prompt,
      max_tokens: maxNewTokens,
      temperature,
      top_p: topP,
      // Not every server knows these two, so they are sent only where they do something.
      ...(topK === 0 ? {} : { top_k: topK }),
      ...(repetitionPenalty === 1 ? {} : { repetition_penalty: repetitionPenalty }),
      seed: Number.parseInt(textSha256(key).slice(0, 7), 16),
      stop: ["<|im_end|>", "<|endoftext|>"],
      stream: false,
    };
    const { choices, usage } = await this.#client.send(
      {
        method: "POST",
        path: this.#path,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        accept: "json",
        signal: signal ?? new AbortController().signal,
      },
      jsonBy(this.#client, Completion),
    );
    const [choice] = choices as [z.infer<typeof Completion>["choices"][number]];
    const tokens = usage?.completion_tokens ?? 0;
    onTokens?.(tokens);
    return { text: choice.text, tokens, isWhole: choice.finish_reason !== "length" };
  }
}
