import type { LyricLine } from "../../lyrics/lrc.js";
import type { HeardWord } from "./word.js";

/** A silence longer than this begins a new line. */
const longestGapS = 1.5;

/**
 * Words to lines as the official scripts make them: a line ends after the last word, after a word that ends in
 * `.` `!` `?` `,` or their CJK forms, and before a gap of more than 1.5 s. Marks at the end of a line go.
 */
export function wordsToLines(words: readonly HeardWord[]): LyricLine[] {
  const heard = words.map((word) => ({ ...word, text: word.text.trim() })).filter(({ text }) => text !== "");
  const lines: LyricLine[] = [];
  let line: HeardWord[] = [];
  for (const [index, word] of heard.entries()) {
    line.push(word);
    const next = heard[index + 1];
    const ends =
      next === undefined || /[.!?。！？，,]$/u.test(word.text) || next.start_s - word.end_s > longestGapS;
    if (!ends) continue;
    lines.push(...lineOf(line));
    line = [];
  }
  return lines;
}

/** Nothing where the line was marks alone. */
function lineOf(words: readonly HeardWord[]): LyricLine[] {
  const [first] = words;
  const last = words.at(-1);
  const text = joinWords(words.map((word) => word.text)).replace(/[，。,.]+$/u, "");
  if (first === undefined || last === undefined || text === "") return [];
  const confidence = meanConfidence(words);
  return [
    {
      start_s: rounded(first.start_s),
      end_s: rounded(last.end_s),
      text,
      ...(confidence === undefined ? {} : { confidence }),
      words: words.map((word) => ({ start_s: rounded(word.start_s), text: word.text })),
    },
  ];
}

/** Han, kana, CJK punctuation and full-width forms are written without spaces; Hangul is not among them. */
const closeScript =
  "[\\u2e80-\\u303f\\u3040-\\u30ff\\u31c0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\uff00-\\uffef\\u{20000}-\\u{3ffff}]";
const endsClose = new RegExp(`${closeScript}$`, "u");
const beginsClose = new RegExp(`^${closeScript}`, "u");

/** Words with a space between, unless either neighbour is CJK. */
export function joinWords(words: readonly string[]): string {
  return words.reduce((text, word) => {
    if (text === "") return word;
    const close = endsClose.test(text) || beginsClose.test(word);
    return close ? text + word : `${text} ${word}`;
  }, "");
}

/** Mean over the words that have one, rounded to three digits. */
export function meanConfidence(words: readonly { confidence?: number | undefined }[]): number | undefined {
  const known = words.flatMap(({ confidence }) => (confidence === undefined ? [] : [confidence]));
  if (known.length === 0) return undefined;
  return rounded(known.reduce((sum, value) => sum + value, 0) / known.length);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
