import { stripVTControlCharacters } from "node:util";

/** Characters that take two cells: CJK, Hangul, kana, full-width forms, most emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;

/** Cells a text takes on a terminal; colours take none. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mark}/u.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** Cuts a text to so many cells, the last of them an ellipsis. */
export function fitWidth(text: string, cells: number): string {
  if (textWidth(text) <= cells) return text;
  let kept = "";
  for (const character of text) {
    if (textWidth(kept + character) > cells - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Rows under titles, columns aligned, two spaces between; nothing at the ends of lines. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => textWidth(line[c] ?? ""))));
  return lines
    .map((line) =>
      columns
        .map(({ align }, c) => {
          const cell = line[c] ?? "";
          const space = " ".repeat((widths[c] ?? 0) - textWidth(cell));
          return align === "right" ? space + cell : cell + space;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
