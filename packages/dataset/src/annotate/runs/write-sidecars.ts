import { writeFileAtomic } from "@acewright/core-native";
import { existsSync, rmSync } from "node:fs";
import { keepBackup } from "../../dataset-file/backup.js";
import type { Dataset, Sample, SampleAdditions } from "../../dataset-file/schema.js";
import type { LyricLine } from "../../lyrics/lrc.js";
import { readTextFile } from "../../scan/read-text.js";
import { readFolderRecord, recorded, songKey, writeFolderRecord } from "./folder-record.js";
import { overwrites } from "./policies.js";
import type { AnnotationPolicy } from "./settings.js";

/**
 * Writes lyrics and captions that differ beside the songs of a folder: `.lyrics.txt` with its times as `.lrc`, `.caption.txt`,
 * and who made them in the folder's record. A file that somebody wrote meanwhile stays unless the policy overwrites; what a file
 * held is kept as `.bak`.
 *
 * @returns absolute paths written
 */
export async function writeSidecars(
  folder: string,
  before: Dataset,
  after: Dataset,
  policy: AnnotationPolicy,
): Promise<string[]> {
  const record = await readFolderRecord(folder);
  const written: string[] = [];
  for (const [index, sample] of after.samples.entries()) {
    const old = before.samples[index];
    if (old === undefined || old === sample) continue;
    const stem = sample.audio_path.replace(/\.[^./\\]*$/, "");
    const made: Record<string, string | undefined> = {};
    const put = async (field: "lyrics" | "caption", path: string, text: string): Promise<boolean> => {
      const isFree = !existsSync(path) || (await readTextFile(path)).text.trim() === "";
      if (!isFree && !overwrites(policy, field)) return false;
      if (!isFree) keepBackup(path);
      writeFileAtomic(path, `${text}\n`);
      written.push(path);
      made[field] = text;
      return true;
    };
    if (
      sample.raw_lyrics !== old.raw_lyrics &&
      (await put("lyrics", `${stem}.lyrics.txt`, sample.raw_lyrics))
    )
      written.push(...writeTimes(`${stem}.lrc`, sample));
    if (sample.caption !== old.caption) await put("caption", `${stem}.caption.txt`, sample.caption);
    keepRecord(record, songKey(folder, sample.audio_path), sample, old, made);
  }
  writeFolderRecord(folder, record);
  return written;
}

/** Times of other words would be taken for those of the new ones. */
function writeTimes(path: string, sample: Sample): string[] {
  const lines = (sample["acewright"] as SampleAdditions | undefined)?.lyric_lines ?? [];
  keepBackup(path);
  if (lines.length === 0) {
    rmSync(path, { force: true });
    return [];
  }
  writeFileAtomic(path, lrcOf(lines));
  return [path];
}

/** LRC with hundredths of a second, and each line's end as a stamp without words where the next line does not follow at once. */
export function lrcOf(lines: readonly LyricLine[]): string {
  const stamped = lines.flatMap(({ start_s, end_s, text }, index) => {
    const next = lines[index + 1]?.start_s ?? Infinity;
    const end = end_s !== undefined && end_s < next ? [`[${stamp(end_s)}]`] : [];
    return [`[${stamp(start_s)}]${text}`, ...end];
  });
  return `${stamped.join("\n")}\n`;
}

function stamp(seconds: number): string {
  const hundredths = Math.round(seconds * 100);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(Math.floor(hundredths / 6000))}:${two(Math.floor((hundredths % 6000) / 100))}.${two(hundredths % 100)}`;
}

/** Of the folder's files only lyrics and captions come from here; a song without words is remembered too. */
function keepRecord(
  record: Awaited<ReturnType<typeof readFolderRecord>>,
  song: string,
  sample: Sample,
  old: Sample,
  made: Readonly<Record<string, string | undefined>>,
): void {
  const now = (sample["acewright"] as SampleAdditions | undefined)?.provenance ?? {};
  const former = (old["acewright"] as SampleAdditions | undefined)?.provenance ?? {};
  for (const field of ["lyrics", "caption"]) {
    const entry = now[field];
    if (entry === undefined || entry === former[field]) continue;
    if (made[field] === undefined && entry.none !== true) continue;
    record[song] = { ...record[song], [field]: recorded(entry, made[field]) };
  }
}
