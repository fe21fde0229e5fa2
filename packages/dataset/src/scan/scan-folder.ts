import { AceError } from "@acewright/core-native";
import { basename, join, relative, resolve, sep } from "node:path";
import { decodeAudio } from "../audio/decode.js";
import { probeAudio } from "../audio/probe.js";
import { audioProblemOf } from "../audio/refusal.js";
import { audioExtensions } from "../audio/sniff.js";
import { setAllInstrumental } from "../dataset-file/prompt-caption.js";
import { DatasetMetadata, type Dataset, type Sample } from "../dataset-file/schema.js";
import { fileKey, readFinderTables, type FinderTable } from "./finder-csv.js";
import { hasSidecars, readSidecars } from "./sidecars.js";
import { songId, songSample } from "./song-sample.js";
import { comparePaths, walkFolder, type SkippedFile } from "./walk-folder.js";

export interface ScanOptions {
  name?: string;
  customTag?: string;
  tagPosition?: DatasetMetadata["tag_position"];
  /** Percent of songs prompted by their genre, 0 to 100. */
  genreRatio?: number;
  /** Whether songs without a lyrics file have no voice; where it is not said, the sidecars decide. */
  allInstrumental?: boolean;
  signal?: AbortSignal;
  /** Called before each song is read. */
  onProgress?: (progress: ScanProgress) => void;
}

export interface ScanProgress {
  done: number;
  total: number;
  path: string;
}

/** What a scan met. All paths are absolute; lines are for people. */
export interface ScanReport {
  /** Songs found, whether they could be read or not. */
  files: number;
  skipped: SkippedFile[];
  csv: {
    /** File names of table rows that no song has. */
    unmatchedRows: string[];
    /** Songs that no row names, where there is a table. */
    unmatchedSongs: string[];
  };
  warnings: string[];
}

/**
 * Makes a dataset of the songs in a folder and everything under it, with captions, lyrics and metadata from the files
 * beside them. A song that cannot be read is skipped and reported; the scan goes on.
 *
 * @throws {AceError} ERR_FILE when the folder is missing, a file, or holds no song; ERR_CONFIG for a bad option.
 */
export async function scanFolder(
  folder: string,
  options: ScanOptions = {},
): Promise<{ dataset: Dataset; report: ScanReport }> {
  const metadata = scanMetadata(options);
  const root = resolve(folder);
  const { folders, rootNames, skipped } = await walkFolder(root, options.signal);
  const songs = folders
    .flatMap(({ folder: within, names, songs: found }) =>
      found.map((name) => ({ within, names, name, path: join(within, name) })),
    )
    .sort((a, b) => comparePaths(a.path, b.path));
  if (songs.length === 0) {
    const known = audioExtensions.map((extension) => `.${extension}`).join(" ");
    throw new AceError(
      "ERR_FILE",
      `${folder}: holds no song (${known}); name the folder that holds the songs`,
    );
  }
  const table = await readFinderTables(rootNames.map((name) => join(root, name)));
  const paths = songs.map(({ path }) => path);
  const report: ScanReport = {
    files: songs.length,
    skipped,
    csv: unmatched(table, paths),
    warnings: [
      ...table.warnings,
      ...sharedSidecars(songs.flatMap(({ names, name, path }) => (hasSidecars(names, name) ? [path] : []))),
      ...sharedRows(table, paths),
    ],
  };
  const samples: Sample[] = [];
  const ids = new Set<string>();
  for (const [done, { within, names, name, path }] of songs.entries()) {
    options.signal?.throwIfAborted();
    options.onProgress?.({ done, total: songs.length, path });
    const durationS = await songDuration(path, report, options.signal);
    if (durationS === undefined) continue;
    const { notes, warnings } = await readSidecars(within, names, name, table.rows.get(fileKey(name)));
    report.warnings.push(...warnings);
    const id = songId(relative(root, path).split(sep).join("/"), ids);
    samples.push(songSample(path, id, durationS, notes));
  }
  const dataset = { metadata: { ...metadata, num_samples: samples.length }, samples };
  if (options.allInstrumental !== undefined) setAllInstrumental(dataset, options.allInstrumental);
  return { dataset, report };
}

function scanMetadata(options: ScanOptions): DatasetMetadata {
  const checked = DatasetMetadata.safeParse({
    name: options.name ?? "untitled_dataset",
    custom_tag: options.customTag,
    tag_position: options.tagPosition,
    created_at: localIsoTime(new Date()),
    num_samples: 0,
    all_instrumental: options.allInstrumental,
    genre_ratio: options.genreRatio,
  });
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new AceError("ERR_CONFIG", `${issue?.path.join(".") ?? "scan"}: ${issue?.message ?? "not valid"}`);
}

/** As Python's `datetime.now().isoformat()`: local time without a zone. */
function localIsoTime(time: Date): string {
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, -1);
}

/** By the header where it knows, else by decoding; undefined for a song that is skipped. */
async function songDuration(
  path: string,
  report: ScanReport,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    const { format, warnings } = await probeAudio(path);
    report.warnings.push(...warnings);
    if (format?.frames === undefined) {
      const { durationS } = await decodeAudio(path, { signal });
      return durationS;
    }
    if (format.frames > 0) return format.frames / format.sampleRateHz;
    report.skipped.push({ path, reason: "holds no audio samples" });
  } catch (error) {
    if (!(error instanceof AceError) || audioProblemOf(error) === undefined) throw error;
    report.skipped.push({ path, reason: error.message.replace(`${path}: `, "") });
  }
  return undefined;
}

function unmatched(table: FinderTable, paths: readonly string[]): ScanReport["csv"] {
  if (table.rows.size === 0) return { unmatchedRows: [], unmatchedSongs: [] };
  const names = new Set(paths.map((path) => fileKey(basename(path))));
  return {
    unmatchedRows: [...table.rows].filter(([key]) => !names.has(key)).map(([, row]) => row.file),
    unmatchedSongs: paths.filter((path) => !table.rows.has(fileKey(basename(path)))),
  };
}

/** Sidecars go by stem: `a.wav` and `a.mp3` have the same ones. */
function sharedSidecars(paths: readonly string[]): string[] {
  const groups = groupBy(paths, (path) => path.replace(/\.[^.]*$/, ""));
  return groups.map((group) => `${group.join(", ")}: share their sidecar files; rename all but one`);
}

/** Table rows go by file name: songs of the same name in two folders have the same one. */
function sharedRows(table: FinderTable, paths: readonly string[]): string[] {
  const named = paths.filter((path) => table.rows.has(fileKey(basename(path))));
  const groups = groupBy(named, (path) => fileKey(basename(path)));
  return groups.map((group) => `${group.join(", ")}: share one table row; give them different names`);
}

/** Groups of more than one. */
function groupBy(paths: readonly string[], keyOf: (path: string) => string): string[][] {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const group = groups.get(keyOf(path));
    if (group === undefined) groups.set(keyOf(path), [path]);
    else group.push(path);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}
