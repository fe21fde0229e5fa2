import { textWidth } from "./text-width.js";
import { wrapWords } from "./wrap-words.js";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Prose: broken between words where the table would be wider than the terminal. */
  readonly wraps?: boolean;
}

/** A column is made no narrower: shorter lines are no help to a reader. */
const narrowest = 12;
const between = "  ";

/**
 * Rows under titles, columns aligned, two spaces between; nothing at the ends of lines.
 *
 * @param cells what the terminal holds in a line; without it no column is wrapped.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  cells = Infinity,
): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const wanted = columns.map((_, c) => Math.max(...lines.map((line) => textWidth(line[c] ?? ""))));
  const widths = fitted(columns, wanted, cells);
  return lines
    .flatMap((line) => {
      const parts = columns.map((_, c) => {
        const cell = line[c] ?? "";
        const width = widths[c] ?? 0;
        return textWidth(cell) > width ? wrapWords(cell, width) : [cell];
      });
      const height = Math.max(...parts.map(({ length }) => length));
      return Array.from({ length: height }, (_, i) => rowOf(columns, parts.map((part) => part[i] ?? ""), widths)); // prettier-ignore
    })
    .join("\n");
}

function rowOf(columns: readonly Column[], cells: readonly string[], widths: readonly number[]): string {
  return columns
    .map(({ align }, c) => {
      const cell = cells[c] ?? "";
      const space = " ".repeat(Math.max(0, (widths[c] ?? 0) - textWidth(cell)));
      return align === "right" ? space + cell : cell + space;
    })
    .join(between)
    .trimEnd();
}

/** The widths, those of prose made narrower, the widest first, until the line fits or nothing more can be done. */
function fitted(columns: readonly Column[], wanted: readonly number[], cells: number): number[] {
  const widths = [...wanted];
  const gaps = between.length * (columns.length - 1);
  const total = () => widths.reduce((sum, width) => sum + width, gaps);
  while (total() > cells) {
    const shrinkable = columns.flatMap(({ wraps }, c) => (wraps === true ? [widths[c] ?? 0] : []));
    const widest = Math.max(0, ...shrinkable);
    if (widest <= narrowest) break;
    const at = columns.findIndex(({ wraps }, c) => wraps === true && widths[c] === widest);
    widths[at] = widest - 1;
  }
  return widths;
}
