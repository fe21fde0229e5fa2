import { AceError, writeFileAtomic } from "@acewright/core-native";
import { existsSync, readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { keepBackup } from "../dataset-file/backup.js";
import { differences, type Change } from "../dataset-file/edit-dataset.js";
import type { Dataset, Sample, SampleAdditions } from "../dataset-file/schema.js";
import { readTextFile } from "../scan/read-text.js";
import { parseSideStepText } from "../scan/side-step-text.js";
import { comparePaths } from "../scan/walk-folder.js";
import { cleanLrc, type LyricLine } from "./lrc.js";

export interface CleanLyricsOptions {
  /** Say what would be written, write nothing. */
  dryRun?: boolean;
  signal?: AbortSignal;
  /** Called after each file that was looked at. */
  onProgress?: (progress: { done: number; total: number; path: string }) => void;
}

/** One file of cleaned lyrics. */
export interface CleanedFile {
  /** File that now holds lyrics alone. */
  path: string;
  /** File that keeps the stamps: the `.lrc`, or a backup where there was one already. */
  timing: string;
  /** Lines with a time. */
  lines: number;
}

export interface CleanLyricsReport {
  /** Files looked at. */
  files: number;
  cleaned: CleanedFile[];
  warnings: string[];
}

/**
 * Takes LRC stamps and tags out of the lyrics files of a folder and everything under it, or of one file. `song.txt` and
 * `song.lyrics.txt` are rewritten, what they held is kept as `song.lrc`; a `song.lrc` without lyrics beside it gets its
 * `song.lyrics.txt`. Files without stamps stay as they are.
 *
 * @throws {AceError} ERR_FILE when the path does not exist or a file cannot be written.
 */
export async function cleanLyricsFiles(
  path: string,
  options: CleanLyricsOptions = {},
): Promise<CleanLyricsReport> {
  const paths = await lyricsFiles(path, options.signal);
  const report: CleanLyricsReport = { files: paths.length, cleaned: [], warnings: [] };
  for (const [index, file] of paths.entries()) {
    options.signal?.throwIfAborted();
    const { text, warnings } = await readTextFile(file);
    report.warnings.push(...warnings);
    const cleaned = await cleanFile(file, text, options.dryRun ?? false);
    if (typeof cleaned === "string") report.warnings.push(`${file}: ${cleaned}`);
    else if (cleaned !== undefined) report.cleaned.push(cleaned);
    options.onProgress?.({ done: index + 1, total: paths.length, path: file });
  }
  return report;
}

/** Undefined for a file that needs nothing, words for one that is left alone with a reason. */
async function cleanFile(
  file: string,
  text: string,
  dryRun: boolean,
): Promise<CleanedFile | string | undefined> {
  const stem = file.replace(/(?:\.lyrics)?\.(?:txt|lrc)$/i, "");
  const lrc = `${stem}.lrc`;
  if (/\.lrc$/i.test(file)) {
    const cleaned = cleanLrc(text);
    const target = `${stem}.lyrics.txt`;
    if (cleaned === undefined) return "holds no stamp; rename it to .lyrics.txt if it is lyrics";
    if (cleaned.text === "") return "holds no words";
    if ((await hasWords(target)) || (await hasLyrics(`${stem}.txt`))) return undefined;
    if (!dryRun) writeFileAtomic(target, `${cleaned.text}\n`);
    return { path: target, timing: file, lines: cleaned.lines.length };
  }
  const { head, lyrics } = splitSideStep(text);
  const cleaned = cleanLrc(lyrics);
  if (cleaned === undefined) return undefined;
  if (cleaned.text === "") return "holds stamps and no words; left as it is";
  const timing = existsSync(lrc) ? `${file}.bak` : lrc;
  if (!dryRun) {
    if (timing !== lrc) keepBackup(file);
    // Whole and on the disk before the stamps are gone from the file; byte for byte where all of it is lyrics.
    else writeFileAtomic(lrc, head === "" ? readFileSync(file) : lyrics);
    writeFileAtomic(file, `${head}${cleaned.text}\n`);
  }
  return { path: file, timing, lines: cleaned.lines.length };
}

/** A "key: value" sidecar keeps its keys; only what stands under `lyrics:` is lyrics. */
function splitSideStep(text: string): { head: string; lyrics: string } {
  if (parseSideStepText(text)?.lyrics === undefined) return { head: "", lyrics: text };
  const at = /^\s*lyrics\s*:[ \t]*\n?/im.exec(text);
  if (at === null) return { head: "", lyrics: text };
  const split = at.index + at[0].length;
  return { head: text.slice(0, split), lyrics: text.slice(split) };
}

async function hasWords(path: string): Promise<boolean> {
  return existsSync(path) && (await readTextFile(path)).text.trim() !== "";
}

async function hasLyrics(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const text = (await readTextFile(path)).text.trim();
  const sideStep = parseSideStepText(text);
  return (sideStep === undefined ? text : (sideStep.lyrics ?? "")) !== "";
}

async function lyricsFiles(path: string, signal: AbortSignal | undefined): Promise<string[]> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw new AceError(
      "ERR_FILE",
      `${path}: does not exist; name a folder of songs, a lyrics file or dataset.json`,
      { cause },
    );
  }
  if (!isFolder) {
    if (/\.(?:txt|lrc)$/i.test(path)) return [path];
    throw new AceError(
      "ERR_FILE",
      `${path}: is no lyrics file (.lrc, .txt); name one, or a folder, or dataset.json`,
    );
  }
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  signal?.throwIfAborted();
  return entries
    .filter(
      (entry) => entry.isFile() && /\.(?:txt|lrc)$/i.test(entry.name) && !/\.caption\.txt$/i.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => comparePaths(dirname(a), dirname(b)) || comparePaths(a, b));
}

/** Takes stamps out of the lyrics in a dataset and keeps the times under `acewright.lyric_lines`. The dataset given stays. */
export function cleanDatasetLyrics(dataset: Dataset): { dataset: Dataset; changes: Change[] } {
  const edited: Dataset = { ...dataset, samples: dataset.samples.map(cleanSample) };
  return { dataset: edited, changes: differences(dataset, edited) };
}

function cleanSample(sample: Sample): Sample {
  const edited: Sample = { ...sample };
  let lines: LyricLine[] = [];
  for (const key of ["raw_lyrics", "formatted_lyrics", "lyrics"] as const) {
    const cleaned = cleanLrc(sample[key]);
    if (cleaned === undefined || cleaned.text === "") continue;
    edited[key] = cleaned.text;
    lines = cleaned.lines;
  }
  if (lines.length > 0)
    edited["acewright"] = { ...(sample["acewright"] as SampleAdditions | undefined), lyric_lines: lines };
  return edited;
}
