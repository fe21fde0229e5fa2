import { basename, relative, sep } from "node:path";
import type { FinderTable, TableRow } from "./finder-csv.js";

/** How the tables of a folder and its songs fit. */
export interface MatchReport {
  /** Rows that no song has, with a guess where there is one. */
  unmatchedRows: UnmatchedRow[];
  /** Absolute paths of songs that no row names; empty where there is no table. */
  unmatchedSongs: string[];
  /** Songs that have a row. */
  matchedSongs: number;
}

export interface UnmatchedRow {
  table: string;
  line: number;
  file: string;
  /** A song whose name differs in case, extension or spaces only. */
  similar?: string;
}

export interface MatchedRows {
  rowOf: Map<string, TableRow>;
  report: MatchReport;
  warnings: string[];
}

/**
 * Gives each song its row: by its path under the folder where the row has folders, else by its file name, compared
 * exactly but for the two ways Unicode writes an accent. Of two rows for one song the later one counts.
 */
export function matchRows(table: FinderTable, root: string, paths: readonly string[]): MatchedRows {
  const rowOf = new Map<string, TableRow>();
  if (table.rows.length === 0) {
    return { rowOf, report: { unmatchedRows: [], unmatchedSongs: [], matchedSongs: 0 }, warnings: [] };
  }
  const warnings: string[] = [];
  const byName = groupBy(paths, (path) => nameKey(basename(path)));
  const byPath = new Map(paths.map((path) => [nameKey(relative(root, path).split(sep).join("/")), path]));
  const byLooks = new Map(paths.map((path) => [looks(basename(path)), path]));
  const named = new Set<string>();
  const unmatchedRows: UnmatchedRow[] = [];
  for (const row of table.rows) {
    const written = nameKey(row.file.replaceAll("\\", "/").replace(/^\.\//, ""));
    const exact = written.includes("/") ? byPath.get(written) : undefined;
    const name = written.slice(written.lastIndexOf("/") + 1);
    const songs = exact === undefined ? (byName.get(name) ?? []) : [exact];
    if (songs.length === 0) {
      const similar = byLooks.get(looks(name));
      const { table: file, line } = row;
      unmatchedRows.push({
        table: file,
        line,
        file: row.file,
        ...(similar === undefined ? {} : { similar }),
      });
    }
    if (songs.length > 1 && !named.has(name)) {
      named.add(name);
      warnings.push(`${songs.join(", ")}: share one table row; give them different names`);
    }
    for (const song of songs) {
      const earlier = rowOf.get(song);
      if (earlier?.table === row.table)
        warnings.push(
          `${row.table}: line ${row.line} names ${row.file.replace(/\s+/g, " ")} again and replaces line ${earlier.line}`,
        );
      rowOf.set(song, row);
    }
  }
  const unmatchedSongs = paths.filter((path) => !rowOf.has(path));
  return { rowOf, report: { unmatchedRows, unmatchedSongs, matchedSongs: rowOf.size }, warnings };
}

function nameKey(name: string): string {
  return name.normalize("NFC");
}

/** What is left of a name when case, extension and everything that is neither letter nor digit are gone. */
function looks(name: string): string {
  const stem = name.replace(/\.[A-Za-z0-9]{1,5}$/, "");
  return (
    stem
      .normalize("NFKC")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]/gu, "") || stem
  );
}

/** Lists by key, in order. */
export function groupBy(paths: readonly string[], keyOf: (path: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const group = groups.get(keyOf(path));
    if (group === undefined) groups.set(keyOf(path), [path]);
    else group.push(path);
  }
  return groups;
}
