import type { Finding } from "@acewright/dataset";
import type { SongRow } from "../../../src/studio/dataset-api.js";

/** What the table can be sorted by. */
export type Column =
  | "filename"
  | "duration"
  | "caption"
  | "lines"
  | "bpm"
  | "keyscale"
  | "timesignature"
  | "language"
  | "labeled"
  | "findings";

export interface Order {
  readonly column: Column | undefined;
  readonly descending: boolean;
}

/** A click on a head: up, down, as the file has it. */
export function turned(order: Order, column: Column): Order {
  if (order.column !== column) return { column, descending: false };
  return order.descending ? { column: undefined, descending: false } : { column, descending: true };
}

/** Rows in the order asked for. What is empty comes last either way: one sorts to see what is there. */
export function sorted(
  rows: readonly SongRow[],
  { column, descending }: Order,
  findings: ReadonlyMap<number, readonly Finding[]>,
): readonly SongRow[] {
  if (column === undefined) return rows;
  const valueOf = (row: SongRow): string | number | null => {
    if (column === "findings") return weight(findings.get(row.song) ?? []);
    const value = row[column];
    return typeof value === "boolean" ? Number(value) : value;
  };
  const isEmpty = (value: string | number | null): boolean => value === null || value === "";
  const sign = descending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, value: valueOf(row) }));
  keyed.sort((a, b) => {
    if (isEmpty(a.value) || isEmpty(b.value)) return Number(isEmpty(a.value)) - Number(isEmpty(b.value));
    return sign * compare(a.value, b.value) || a.row.song - b.row.song;
  });
  return keyed.map(({ row }) => row);
}

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(a: string | number | null, b: string | number | null): number {
  return typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b));
}

/** Many infos weigh less than one warning. */
function weight(findings: readonly Finding[]): number {
  const weights = { error: 1e8, warning: 1e4, info: 1 } as const;
  return findings.reduce((sum, { severity }) => sum + weights[severity], 0);
}

/** Findings by song. */
export function bySong(findings: readonly Finding[]): Map<number, Finding[]> {
  const map = new Map<number, Finding[]>();
  for (const finding of findings) {
    if (finding.sample === undefined) continue;
    const known = map.get(finding.sample);
    if (known === undefined) map.set(finding.sample, [finding]);
    else known.push(finding);
  }
  return map;
}

/** The rows of a long table that are in view, with some before and after so that scrolling shows no gap. */
export function rowsInView(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
): { first: number; end: number } {
  const spare = 10;
  const first = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight) - spare), Math.max(0, count - 1));
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + spare);
  return { first, end: Math.max(first, end) };
}

/** Where a table must be scrolled to for a row to be seen; where it is, if it is seen. */
export function scrolledTo(row: number, scrollTop: number, height: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : scrollTop;
}

/** Selected songs after a click on one: alone it turns that one, with shift all from the last click to here take its state. */
export function selectedBy(
  selected: ReadonlySet<number>,
  shown: readonly number[],
  song: number,
  lastClicked: number | undefined,
  shift: boolean,
): Set<number> {
  const result = new Set(selected);
  const [from, to] = [lastClicked === undefined ? -1 : shown.indexOf(lastClicked), shown.indexOf(song)];
  const wanted = shift ? (lastClicked === undefined ? true : selected.has(lastClicked)) : !selected.has(song);
  const range =
    shift && from >= 0 && to >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [song];
  for (const one of range) {
    if (wanted) result.add(one);
    else result.delete(one);
  }
  return result;
}
