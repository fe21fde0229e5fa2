import { charactersOf, textWidth } from "./text-width.js";

/**
 * A text as lines of at most so many cells, broken between words and behind the slashes of a path; what is longer than a line,
 * as a text of a script without spaces may be, is broken between characters.
 */
export function wrapWords(text: string, cells: number): string[] {
  const lines: string[] = [];
  let line = "";
  const fits = (more: string) => textWidth(line + more) <= cells;
  const next = () => {
    lines.push(line.trimEnd());
    line = "";
  };
  for (const piece of text.match(/\s+|[^\s/]*\/+|[^\s/]+/g) ?? []) {
    const isSpace = piece.trim() === "";
    if (fits(piece)) {
      if (!isSpace || line !== "") line += piece;
      continue;
    }
    if (line !== "") next();
    if (isSpace) continue;
    for (const character of charactersOf(piece)) {
      if (line !== "" && !fits(character)) next();
      line += character;
    }
  }
  if (line !== "" || lines.length === 0) next();
  return lines;
}
