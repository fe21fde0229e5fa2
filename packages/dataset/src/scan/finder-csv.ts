import { CsvError, parse } from "csv-parse/sync";
import { extname } from "node:path";
import { normaliseKey } from "../dataset-file/key-name.js";
import { readTextFile } from "./read-text.js";

/** One row of a Key-BPM-Finder table. */
export interface FinderRow {
  /** File name with extension as written, with or without folders. */
  file: string;
  /** Empty strings where the table has nothing. */
  caption: string;
  /** Digits with a point, or empty. */
  bpm: string;
  key: string;
  /** Line of the table, from 1. */
  line: number;
}

/** A row and the table it stands in. */
export interface TableRow extends FinderRow {
  /** Absolute path. */
  table: string;
}

/** The tables of a folder, merged. */
export interface FinderTable {
  rows: TableRow[];
  warnings: string[];
}

/** Column names in use, the first one that a table has. */
const columnNames = {
  file: ["file", "filename", "file name", "file_name", "file path", "filepath", "path"],
  caption: ["caption"],
  bpm: ["bpm", "tempo"],
  key: ["key", "keyscale", "key scale", "key/scale", "musical key"],
  camelot: ["camelot", "camelot key", "open key"],
} as const;

/** A title or two may stand above the header. */
const headerLooked = 5;

/** Reads every `*.csv` of a folder, in order of name. Files that are no such table are told and left out. */
export async function readFinderTables(paths: readonly string[]): Promise<FinderTable> {
  const table: FinderTable = { rows: [], warnings: [] };
  for (const path of paths.filter((candidate) => extname(candidate).toLowerCase() === ".csv")) {
    const { text, warnings } = await readTextFile(path);
    table.warnings.push(...warnings);
    const parsed = parseFinderCsv(text);
    if (typeof parsed === "string") table.warnings.push(`${path}: ${parsed}; ignored`);
    else {
      table.rows.push(...parsed.rows.map((row) => ({ ...row, table: path })));
      table.warnings.push(...parsed.warnings.map((line) => `${path}: ${line}`));
    }
  }
  return table;
}

/** The rows and what was odd in them, or why the text is no such table. */
export function parseFinderCsv(text: string): { rows: FinderRow[]; warnings: string[] } | string {
  const { body, delimiter, linesBefore } = dialectOf(text);
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(body, {
      delimiter,
      info: true,
      relaxColumnCount: true,
      relaxQuotes: true,
      skipEmptyLines: true,
      trim: true,
    }) as unknown as typeof records;
  } catch (error) {
    return `is not a CSV table (${csvMistake(error)}); export it again`;
  }
  const titles = records.slice(0, headerLooked).findIndex(({ record }) => columnOf(record, "file") >= 0);
  const header = records[titles]?.record;
  if (header === undefined) return 'has no column named "File"';
  const columns = Object.keys(columnNames) as (keyof typeof columnNames)[];
  const places = new Map(columns.map((name) => [name, columnOf(header, name)]));
  const warnings: string[] = [];
  const rows = records.slice(titles + 1).flatMap(({ record, info }): FinderRow[] => {
    const cell = (name: keyof typeof columnNames): string => (record[places.get(name) ?? -1] ?? "").trim();
    const file = cell("file");
    if (file === "") return [];
    const line = info.lines + linesBefore;
    const bpm = numberOf(cell("bpm"));
    if (bpm === undefined)
      warnings.push(
        `line ${line}: bpm "${shortened(cell("bpm"))}" of ${shortened(file)} is no number and not read; correct it or leave it empty`,
      );
    const key = normaliseKey(cell("key")) || normaliseKey(cell("camelot"));
    return [{ file, caption: cell("caption"), bpm: bpm ?? "", key, line }];
  });
  return { rows, warnings };
}

function columnOf(header: readonly string[], name: keyof typeof columnNames): number {
  const titles = header.map((title) => title.trim().toLowerCase());
  const known = columnNames[name].find((title) => titles.includes(title));
  return known === undefined ? -1 : titles.indexOf(known);
}

/** "120", "120.5", "120,5" and "120 bpm"; undefined for other words. */
function numberOf(text: string): string | undefined {
  if (text === "") return "";
  const digits = /^(\d{1,4})(?:[.,](\d{1,6}))?\s*(?:bpm)?$/i.exec(text);
  return digits === null ? undefined : `${digits[1] ?? ""}${digits[2] === undefined ? "" : `.${digits[2]}`}`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}

function csvMistake(error: unknown): string {
  if (!(error instanceof CsvError)) return error instanceof Error ? error.message : String(error);
  return shortLine(error.message);
}

function shortLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** Excel writes its separator into the first line; else it is the one that stands most often in the header. */
function dialectOf(text: string): { body: string; delimiter: string; linesBefore: number } {
  const bare = text.replace(/^\ufeff/, "");
  const told = /^"?sep=(.)"?[ \t]*\n/i.exec(bare);
  if (told !== null) return { body: bare.slice(told[0].length), delimiter: told[1] ?? ",", linesBefore: 1 };
  return { body: bare, delimiter: sniffDelimiter(bare), linesBefore: 0 };
}

function sniffDelimiter(text: string): string {
  const lines = text.slice(0, 4096).split("\n").slice(0, headerLooked);
  const header = (lines.find((line) => /\bfile|\bpath/i.test(line)) ?? lines[0] ?? "").replace(
    /"[^"]*"/g,
    "",
  );
  const count = (separator: string): number => header.split(separator).length;
  return [",", ";", "\t", "|"].reduce((best, next) => (count(next) > count(best) ? next : best));
}
