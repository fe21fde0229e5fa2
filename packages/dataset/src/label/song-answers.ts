import { textSha256 } from "../fingerprint.js";
import type { Sample } from "../dataset-file/schema.js";
import type { LabelledSample } from "./apply-label.js";
import { applyDescription, hasNoLyrics, isOpen } from "./apply-label.js";
import { parseDescription } from "./description.js";
import { changedWords, hasStructure } from "./lyric-words.js";
import type { Answer, AnswerRequest, LanguageModel } from "./model/language-model.js";
import type { LabelField, LabelSettings } from "./settings.js";
import { labelFields } from "./settings.js";

/** What the model has to be asked about a song. */
export interface SongQuestions {
  /** Fields a description would fill. */
  readonly describe: readonly LabelField[];
  readonly formatLyrics: boolean;
}

/** Which questions are open; none of both leaves the song alone. */
export function songQuestions(sample: Sample, settings: LabelSettings): SongQuestions {
  if (settings.onlyUnlabeled && sample.labeled) return { describe: [], formatLyrics: false };
  const isUnformatted = !hasStructure(sample.lyrics) || settings.overwrite.includes("lyrics");
  return {
    describe: labelFields.filter((field) => isOpen(sample, field, settings)),
    formatLyrics: settings.formatLyrics && !sample.is_instrumental && !hasNoLyrics(sample) && isUnformatted,
  };
}

/** Asks for one answer, or takes the one that was kept. */
export type Ask = (key: string, ask: (request: AnswerRequest) => Promise<Answer>) => Promise<Answer>;

/**
 * Answers a song's questions and puts the answers into a copy of its sample.
 *
 * @param codes five a second; empty when there is nothing to describe.
 */
export async function answerSong(
  sample: Sample,
  codes: readonly number[],
  model: LanguageModel,
  settings: LabelSettings,
  ask: Ask,
): Promise<LabelledSample & { readonly tokens: number }> {
  const { describe, formatLyrics } = songQuestions(sample, settings);
  let current = sample;
  let tokens = 0;
  const notes: string[] = [];
  if (describe.length > 0) {
    const withLyrics = describe.includes("lyrics");
    const key = textSha256(JSON.stringify(["describe", withLyrics, codes]));
    const answer = await ask(key, (request) => model.describe(codes, withLyrics, request));
    tokens += answer.tokens;
    const labelled = applyDescription(sample, parseDescription(answer.text), settings);
    current = labelled.sample;
    notes.push(...labelled.notes);
    if (!answer.isWhole && withLyrics) notes.push("the lyrics were cut at the limit of tokens");
  }
  if (formatLyrics) {
    const { caption, lyrics } = current;
    const key = textSha256(JSON.stringify(["format", caption, lyrics]));
    const answer = await ask(key, (request) => model.formatLyrics(caption, lyrics, request));
    tokens += answer.tokens;
    const formatted = formattedLyrics(lyrics, answer, settings.maxChangedWords);
    if ("refused" in formatted) notes.push(formatted.refused);
    else {
      current = { ...current, lyrics: formatted.lyrics, formatted_lyrics: formatted.lyrics };
      if (!hasStructure(formatted.lyrics)) notes.push("the model put no structure tag into the lyrics");
    }
  }
  return { sample: current, notes, tokens };
}

/** Formatted lyrics, unless they are no longer the user's. */
export function formattedLyrics(
  before: string,
  answer: Answer,
  maxChangedWords: number,
): { lyrics: string } | { refused: string } {
  const { lyrics } = parseDescription(answer.text);
  const { dropped, added, words } = changedWords(before, lyrics);
  const why =
    !answer.isWhole || lyrics === ""
      ? "the answer has no end"
      : dropped > words * maxChangedWords
        ? `${dropped} of ${words} words are missing`
        : added > words * maxChangedWords
          ? `${added} words were added to ${words}`
          : undefined;
  return why === undefined ? { lyrics } : { refused: `the formatted lyrics are refused: ${why}` };
}
