import { AceError, writeFileAtomic } from "@acewright/core-native";
import { existsSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { z } from "zod";
import type { Provenance, Sample } from "../../dataset-file/schema.js";
import { textSha256 } from "../../fingerprint.js";
import { readTextFile } from "../../scan/read-text.js";

/** Name of the file that says who made the sidecars of a folder. */
export const folderRecordName = "acewright-annotations.json";

const RecordedField = z.looseObject({
  by: z.string(),
  model: z.string(),
  made_at: z.string(),
  /** SHA-256 (hex) of the text as it was written: a text that was edited since is the user's own. */
  text_sha256: z.string().optional(),
});
type RecordedField = Provenance & { text_sha256?: string };

const Form = z.object({ songs: z.record(z.string(), z.record(z.string(), RecordedField)) });

/** By the song's path from the folder, with slashes, then by field. */
export type FolderRecord = Record<string, Record<string, RecordedField>>;

/** @throws {AceError} ERR_FILE when the record is there and is none. */
export async function readFolderRecord(folder: string): Promise<FolderRecord> {
  const path = join(folder, folderRecordName);
  if (!existsSync(path)) return {};
  const { text } = await readTextFile(path);
  let where = "";
  try {
    const { success, data, error } = Form.safeParse(JSON.parse(text));
    if (success) return data.songs as FolderRecord;
    const place = error.issues[0]?.path.join(".") ?? "";
    if (place !== "") where = ` (${place})`;
  } catch {
    // Said below, like a file of another form.
  }
  throw new AceError("ERR_FILE", `${path}: is no record of annotations${where}; move it away`);
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
