import type { Sampling } from "../decoding/sampling.js";

/** How one answer is made. */
export interface AnswerRequest {
  readonly sampling: Sampling;
  /** Answers with the same key and prompt are the same. */
  readonly key: string;
  readonly maxNewTokens: number;
  readonly isConstrained: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onTokens?: ((tokens: number) => void) | undefined;
}

export interface Answer {
  readonly text: string;
  readonly tokens: number;
  /** The answer reached its end, not only the limit of tokens. */
  readonly isWhole: boolean;
}

/** The 5 Hz language model, here or behind a server. */
export interface LanguageModel {
  /** Says which model it is, so that answers of another one are not taken for its own. */
  readonly fingerprint: string;
  /** Describes a song. @param withLyrics false: the answer may end behind the block of metadata. */
  describe(codes: readonly number[], withLyrics: boolean, request: AnswerRequest): Promise<Answer>;
  /** Puts structure into lyrics. */
  formatLyrics(caption: string, lyrics: string, request: AnswerRequest): Promise<Answer>;
  close(): Promise<void>;
}
