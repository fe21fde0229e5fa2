import type { LabelSettings } from "./settings.js";

/** The words around the codes, and a little more. */
const promptTokens = 64;
/** Tokens of a context that are left to an answer at least, however long the song. */
const fewestAnswerTokens = 768;

/** Audio codes of a song, five a second, that a context has room for. */
export function codesFor({ contextTokens, maxNewTokens }: LabelSettings): number {
  const answer = Math.min(maxNewTokens, fewestAnswerTokens, Math.floor(contextTokens / 2));
  return Math.max(1, contextTokens - promptTokens - answer);
}
