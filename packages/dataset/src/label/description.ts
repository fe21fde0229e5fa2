import { normaliseKey } from "../dataset-file/key-name.js";
import { normaliseTimeSignature } from "../dataset-file/time-signature.js";
import { keyScales, languages, ranges, timeSignatures } from "./song-values.js";

/** What a language model says of a song, as far as it is valid. */
export interface SongDescription {
  readonly metas: {
    readonly bpm?: number;
    readonly caption?: string;
    /** Seconds. */
    readonly duration?: number;
    readonly genres?: string;
    readonly keyscale?: string;
    readonly language?: string;
    readonly timesignature?: string;
  };
  /** Empty when there are none. */
  readonly lyrics: string;
  /** Values that were dropped and why, one line each. */
  readonly problems: readonly string[];
}

type Field = keyof SongDescription["metas"];

const fieldNames: Readonly<Record<string, Field>> = {
  bpm: "bpm",
  caption: "caption",
  duration: "duration",
  genres: "genres",
  genre: "genres",
  keyscale: "keyscale",
  key: "keyscale",
  language: "language",
  vocal_language: "language",
  timesignature: "timesignature",
};

/**
 * Reads a model's answer: `key: value` lines with indented continuations up to `</think>`, then lyrics. Values out of
 * range or of no known form are dropped and told; nothing is guessed.
 */
export function parseDescription(answer: string): SongDescription {
  const text = answer.replace(/<\|(?:im_end|endoftext|im_start)\|>[\s\S]*$/, "");
  const end = text.indexOf("</think>");
  const block = (end === -1 ? text : text.slice(0, end)).replace(/^[\s\S]*?<think>/, "");
  const lyrics = end === -1 ? "" : cleanLyrics(text.slice(end + "</think>".length));
  const problems =
    end === -1 ? ["the answer has no </think>: its block was not ended, there are no lyrics"] : [];
  const metas: Record<string, string | number> = {};
  for (const [field, value] of blockFields(block)) {
    const valid = readers[field](value);
    if (valid === undefined) problems.push(`${field} ${JSON.stringify(value.slice(0, 60))} is not valid`);
    else metas[field] = valid;
  }
  return { metas, lyrics, problems };
}

/** Fields in the order they stand; lines that belong to none are dropped. */
function blockFields(block: string): Map<Field, string> {
  const fields = new Map<Field, string>();
  let current: Field | undefined;
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([A-Za-z_]+)\s*:(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) {
      current = Object.hasOwn(fieldNames, name.toLowerCase()) ? fieldNames[name.toLowerCase()] : undefined;
      if (current !== undefined) fields.set(current, unquoted(value));
    } else if (current !== undefined && /^\s/.test(line)) {
      fields.set(current, `${fields.get(current) ?? ""} ${line.trim()}`.trim());
    } else if (line.trim() !== "") current = undefined;
  }
  return fields;
}

function unquoted(value: string): string {
  const trimmed = value.trim();
  return /^(["']).*\1$/s.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
}

function cleanLyrics(text: string): string {
  return text
    .trim()
    .replace(/^#\s*Lyrics?[ \t]*(?:\r?\n|$)/i, "")
    .trim();
}

const whole = (value: string, { min, max }: { min: number; max: number }): number | undefined => {
  const number = /^\d+(?:\.\d+)?(?:\s*(?:bpm|s|seconds))?$/i.test(value)
    ? Math.trunc(parseFloat(value))
    : NaN;
  return number >= min && number <= max ? number : undefined;
};
const oneOf = (value: string, known: readonly string[]): string | undefined =>
  known.includes(value) ? value : undefined;
const anyText = (value: string): string | undefined => (value === "" || value === "N/A" ? undefined : value);

const readers: Readonly<Record<Field, (value: string) => string | number | undefined>> = {
  bpm: (value) => whole(value, ranges.bpm),
  duration: (value) => whole(value, ranges.duration),
  caption: anyText,
  genres: anyText,
  keyscale: (value) => oneOf(value, keyScales) ?? oneOf(normaliseKey(value), keyScales),
  language: (value) => oneOf(value.toLowerCase(), languages),
  timesignature: (value) => oneOf(normaliseTimeSignature(value), timeSignatures),
};
