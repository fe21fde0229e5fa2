import { AceError } from "@acewright/core-native";
import type { Conditioning, PromptFields } from "../prompts.js";
import { lyricsPrompt, promptLimits, textPrompt } from "../prompts.js";
import type { PromptTokenizer } from "./prompt-tokenizer.js";

/** Ids of one prompt; `mask` tells real tokens (1) from padding (0). */
export interface PromptIds {
  readonly ids: readonly number[];
  readonly mask: Uint8Array;
}

/** Both prompts of a song as ids, and what had to be cut. */
export interface SongPromptIds {
  readonly text: PromptIds;
  readonly lyrics: PromptIds;
  /** One line each, for the user. */
  readonly warnings: readonly string[];
}

/**
 * Tokenizes a song's prompts. For inference a caption that is too long is cut, so that the Metas block behind it stays;
 * for official parity the text is cut at its end and both prompts are padded.
 *
 * @throws {AceError} ERR_CONFIG when the prompt is too long even without a caption.
 */
export function songPromptIds(
  tokenizer: PromptTokenizer,
  fields: PromptFields,
  conditioning: Conditioning,
): SongPromptIds {
  const warnings: string[] = [];
  const limits = promptLimits[conditioning];
  const fitted = conditioning === "inference" ? fitCaption(tokenizer, fields, limits.text, warnings) : fields;
  const text = tokenizer.encode(textPrompt(fitted), limits.text);
  if (text.cut > 0) {
    warnings.push(
      `the text prompt is ${text.cut} tokens longer than ${limits.text}: its end, the Metas block, was cut`,
    );
  }
  const lyrics = tokenizer.encode(lyricsPrompt(fields, conditioning), limits.lyrics);
  if (lyrics.cut > 0) {
    warnings.push(
      `the lyrics have ${limits.lyrics + lyrics.cut} tokens, ${limits.lyrics} are read: the last ${lyrics.cut} were cut`,
    );
  }
  const pad = (ids: readonly number[], length: number): PromptIds =>
    conditioning === "official"
      ? padded(tokenizer, ids, length)
      : { ids, mask: new Uint8Array(ids.length).fill(1) };
  return { text: pad(text.ids, limits.text), lyrics: pad(lyrics.ids, limits.lyrics), warnings };
}

/** The longest beginning of the caption with which the whole prompt fits. */
function fitCaption(
  tokenizer: PromptTokenizer,
  fields: PromptFields,
  limit: number,
  warnings: string[],
): PromptFields {
  const tokens = (caption: string): number =>
    tokenizer.ids(textPrompt({ ...fields, caption })).length + tokenizer.tail.length;
  const needed = tokens(fields.caption);
  if (needed <= limit) return fields;
  const letters = Array.from(fields.caption);
  const beginning = (length: number): string => letters.slice(0, length).join("").trimEnd();
  let [fits, tooLong] = [0, letters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (tokens(beginning(middle)) <= limit) fits = middle;
    else tooLong = middle;
  }
  if (tokens(beginning(fits)) > limit) {
    throw new AceError("ERR_CONFIG", `the text prompt has ${tokens("")} tokens without its caption, at most ${limit} are read; shorten keyscale or timesignature`); // prettier-ignore
  }
  const kept = beginning(fits);
  warnings.push(
    `the text prompt has ${needed} tokens, ${limit} are read: the caption was cut from ${letters.length} to ${Array.from(kept).length} characters`,
  );
  return { ...fields, caption: kept };
}

function padded(tokenizer: PromptTokenizer, ids: readonly number[], length: number): PromptIds {
  const fill = new Array<number>(length - ids.length).fill(tokenizer.padId);
  const mask = new Uint8Array(length);
  if (tokenizer.paddingSide === "left") {
    mask.fill(1, fill.length);
    return { ids: [...fill, ...ids], mask };
  }
  mask.fill(1, 0, ids.length);
  return { ids: [...ids, ...fill], mask };
}
