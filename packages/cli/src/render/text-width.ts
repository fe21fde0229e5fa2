import { stripVTControlCharacters } from "node:util";

/** Characters that take two cells: CJK, Hangul, kana, full-width forms. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** Drawn as a picture: by itself, or because a selector asks for it. */
const picture = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u;
const invisible = /^[\p{Mark}\p{Cf}\p{Cc}]*$/u;

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What a reader takes for one character each: a letter with its accents, a flag, a family of emoji. */
export function charactersOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function characterWidth(character: string): number {
  if (invisible.test(character)) return 0;
  return wide.test(character) || picture.test(character) ? 2 : 1;
}

/** Cells a text takes on a terminal; colours take none. */
export function textWidth(text: string): number {
  return charactersOf(stripVTControlCharacters(text)).reduce(
    (sum, character) => sum + characterWidth(character),
    0,
  );
}

/** Cuts a text to so many cells, the last of them an ellipsis. */
export function fitWidth(text: string, cells: number): string {
  if (textWidth(text) <= cells) return text;
  let kept = "";
  let width = 0;
  for (const character of charactersOf(text)) {
    width += textWidth(character);
    if (width > cells - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
