import { AceError, writeFileAtomic } from "@acewright/core-native";
import { existsSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Provenance, Sample } from "../../dataset-file/schema.js";
import { textSha256 } from "../../fingerprint.js";
import { readTextFile } from "../../scan/read-text.js";

/** Name of the file that says who made the sidecars of a folder. */
export const folderRecordName = "acewright-annotations.json";

interface RecordedField extends Provenance {
  /** SHA-256 (hex) of the text as it was written: a text that was edited since is the user's own. */
  text_sha256?: string;
}

/** By the song's path from the folder, with slashes, then by field. */
export type FolderRecord = Record<string, Record<string, RecordedField>>;

/** @throws {AceError} ERR_FILE when the record is there and is none. */
export async function readFolderRecord(folder: string): Promise<FolderRecord> {
  const path = join(folder, folderRecordName);
  if (!existsSync(path)) return {};
  const { text } = await readTextFile(path);
  try {
    const { songs } = JSON.parse(text) as { songs?: unknown };
    if (typeof songs === "object" && songs !== null && !Array.isArray(songs)) return songs as FolderRecord;
  } catch {
    // Said below, like a file of another form.
  }
  throw new AceError("ERR_FILE", `${path}: is no record of annotations; move it away`);
}

export function writeFolderRecord(folder: string, record: FolderRecord): void {
  const songs = Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileAtomic(join(folder, folderRecordName), `${JSON.stringify({ version: 1, songs }, null, 2)}\n`);
}

/** The entry with the text it speaks of. */
export function recorded(provenance: Provenance, text: string | undefined): RecordedField {
  return text === undefined ? provenance : { ...provenance, text_sha256: textSha256(text) };
}

/** A song's path from its folder, the same on every system. */
export function songKey(folder: string, audioFile: string): string {
  return relative(folder, audioFile).split(sep).join("/");
}

/** A scanned song with the entries that still hold: the text they speak of is as it was written. */
export function withRecordedProvenance(sample: Sample, folder: string, record: FolderRecord): Sample {
  const texts: Readonly<Record<string, string>> = { lyrics: sample.raw_lyrics, caption: sample.caption };
  const holding = Object.entries(record[songKey(folder, sample.audio_path)] ?? {}).flatMap(
    ([field, entry]): [string, Provenance][] => {
      const { text_sha256, ...provenance } = entry;
      const holds = text_sha256 === undefined || text_sha256 === textSha256(texts[field] ?? "");
      return holds ? [[field, provenance]] : [];
    },
  );
  if (holding.length === 0) return sample;
  const additions = {
    ...(sample["acewright"] as object | undefined),
    provenance: Object.fromEntries(holding),
  };
  return { ...sample, acewright: additions };
}
