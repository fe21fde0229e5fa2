import { parse } from "csv-parse/sync";
import { extname } from "node:path";
import { readTextFile } from "./read-text.js";

/** One row of a Key-BPM-Finder table. */
export interface FinderRow {
  /** Base name with extension, as written. */
  file: string;
  /** Empty strings where the table has nothing. */
  caption: string;
  bpm: string;
  key: string;
}

/** The tables of a folder, merged by file name. */
export interface FinderTable {
  /** Rows by {@link fileKey}. */
  rows: Map<string, FinderRow>;
  warnings: string[];
}

/** Reads every `*.csv` of a folder, in order of name; a later row for a file replaces the earlier one. */
export async function readFinderTables(paths: readonly string[]): Promise<FinderTable> {
  const table: FinderTable = { rows: new Map(), warnings: [] };
  for (const path of paths.filter((candidate) => extname(candidate).toLowerCase() === ".csv")) {
    const { text, warnings } = await readTextFile(path);
    table.warnings.push(...warnings);
    const parsed = parseFinderCsv(text);
    if (typeof parsed === "string") table.warnings.push(`${path}: ${parsed}; ignored`);
    else for (const row of parsed) table.rows.set(fileKey(row.file), row);
  }
  return table;
}

/** Names are compared exactly, but for the two ways Unicode writes an accent (macOS uses the other one). */
export function fileKey(name: string): string {
  return name.normalize("NFC");
}

/** The rows, or why the text is no such table. */
export function parseFinderCsv(text: string): FinderRow[] | string {
  let records: string[][];
  try {
    records = parse(text, {
      bom: true,
      delimiter: sniffDelimiter(text),
      relaxColumnCount: true,
      relaxQuotes: true,
      skipEmptyLines: true,
      trim: true,
    });
  } catch (error) {
    return `is not a CSV table (${error instanceof Error ? error.message : String(error)})`;
  }
  const header = (records[0] ?? []).map((name) => name.trim().toLowerCase());
  const column = (name: string) => {
    const index = header.indexOf(name);
    return (record: string[]): string => (index < 0 ? "" : (record[index] ?? "").trim());
  };
  if (!header.includes("file")) return 'has no column named "File"';
  const [file, caption, bpm, key] = [column("file"), column("caption"), column("bpm"), column("key")];
  return records
    .slice(1)
    .map((record) => ({ file: file(record), caption: caption(record), bpm: bpm(record), key: key(record) }))
    .filter((row) => row.file !== "");
}

/** The separator that stands most often in the header outside of quotes; a comma when there is none. */
function sniffDelimiter(text: string): string {
  const header =
    text
      .slice(0, 4096)
      .split("\n")[0]
      ?.replace(/"[^"]*"/g, "") ?? "";
  const count = (separator: string): number => header.split(separator).length;
  return [",", ";", "\t"].reduce((best, next) => (count(next) > count(best) ? next : best));
}
