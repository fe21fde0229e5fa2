import { AceError } from "@acewright/core-native";
import { join, relative, resolve, sep } from "node:path";
import { readFolderRecord, withRecordedProvenance } from "../annotate/runs/folder-record.js";
import { ByteSource } from "../audio/byte-source.js";
import { songLengthS } from "../audio/song-length.js";
import { probeSource } from "../audio/probe.js";
import { audioProblemOf } from "../audio/refusal.js";
import { audioExtensions } from "../audio/kinds.js";
import { setAllInstrumental } from "../dataset-file/prompt-caption.js";
import { setFolderRepeats } from "../dataset-file/repeats.js";
import { DatasetMetadata, type Dataset, type Sample } from "../dataset-file/schema.js";
import { mapConcurrently } from "./concurrently.js";
import { readFinderTables } from "./finder-csv.js";
import { groupBy, matchRows, type MatchReport } from "./match-rows.js";
import { hasSidecars, readSidecars } from "./sidecars.js";
import { songId, songSample } from "./song-sample.js";
import { readSongTags, type SongTags } from "./song-tags.js";
import { comparePaths, walkFolder, type SkippedFile } from "./walk-folder.js";

export interface ScanOptions {
  name?: string;
  customTag?: string;
  tagPosition?: DatasetMetadata["tag_position"];
  /** Percent of songs prompted by their genre, 0 to 100. */
  genreRatio?: number;
  /** Whether songs without a lyrics file have no voice; where it is not said, the sidecars decide. */
  allInstrumental?: boolean;
  /** Read artist, title, tempo, key and lyrics from the tags inside the songs. True by default. */
  tags?: boolean;
  /** Leave LRC stamps in lyrics, as the official trainer does; by default they are taken out and kept as timing. */
  keepStamps?: boolean;
  /** How often songs under a folder stand in an epoch, by the folder's path from the scanned one. */
  folderRepeats?: Readonly<Record<string, number>>;
  signal?: AbortSignal;
  /** Called after each song that was read. */
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
  /** How the rows of the folder's tables and its songs fit. */
  csv: MatchReport;
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
  const matched = matchRows(
    table,
    root,
    songs.map(({ path }) => path),
  );
  const report: ScanReport = {
    files: songs.length,
    skipped,
    csv: matched.report,
    warnings: [
      ...table.warnings,
      ...matched.warnings,
      ...sharedSidecars(songs.flatMap(({ names, name, path }) => (hasSidecars(names, name) ? [path] : []))),
    ],
  };
  let done = 0;
  const read = await mapConcurrently(
    songs,
    readAtOnce,
    options.signal,
    async ({ within, names, name, path }) => {
      const song = await readSong(path, options);
      const { notes, warnings } = await readSidecars({
        folder: within,
        names,
        songName: name,
        row: matched.rowOf.get(path),
        tags: song.tags,
        keepStamps: options.keepStamps ?? false,
      });
      options.onProgress?.({ done: ++done, total: songs.length, path });
      return { ...song, notes, warnings: [...song.warnings, ...warnings] };
    },
  );
  // The last songs may all have been under way.
  options.signal?.throwIfAborted();
  const record = await readFolderRecord(root).catch((error: unknown) => {
    if (!(error instanceof AceError)) throw error;
    report.warnings.push(error.message);
    return {};
  });
  const samples: Sample[] = [];
  const ids = new Set<string>();
  for (const { path, durationS, skippedBecause, notes, warnings } of read) {
    report.warnings.push(...warnings);
    if (skippedBecause === undefined) {
      const id = songId(relative(root, path).split(sep).join("/"), ids);
      samples.push(withRecordedProvenance(songSample(path, id, durationS, notes), root, record));
    } else skipped.push({ path, reason: skippedBecause });
  }
  const dataset = { metadata: { ...metadata, num_samples: samples.length }, samples };
  if (options.allInstrumental !== undefined) setAllInstrumental(dataset, options.allInstrumental);
  if (options.folderRepeats !== undefined) setFolderRepeats(dataset, root, options.folderRepeats);
  return { dataset, report };
}

/** Songs read at the same time: their files wait for the disk, not for the processor. */
const readAtOnce = 16;

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

interface ReadSong {
  path: string;
  durationS: number;
  /** Why the song cannot be used. */
  skippedBecause: string | undefined;
  tags: SongTags;
  warnings: string[];
}

/** Length by the header where it knows, else by decoding; tags of a song that can be used. */
async function readSong(path: string, { signal, tags = true }: ScanOptions): Promise<ReadSong> {
  const song: ReadSong = { path, durationS: 0, skippedBecause: undefined, tags: {}, warnings: [] };
  try {
    using source = await ByteSource.open(path);
    const probe = await probeSource(source);
    song.warnings.push(...probe.warnings);
    song.durationS = await songLengthS(path, probe, signal);
    if (song.durationS === 0) song.skippedBecause = "holds no audio samples";
    else if (tags) {
      const inside = await readSongTags(source, probe.kind);
      song.tags = inside.tags;
      song.warnings.push(...inside.warnings);
    }
  } catch (error) {
    if (!(error instanceof AceError) || audioProblemOf(error) === undefined) throw error;
    song.skippedBecause = error.message.replace(`${path}: `, "");
  }
  return song;
}

/** Sidecars go by stem: `a.wav` and `a.mp3` have the same ones. */
function sharedSidecars(paths: readonly string[]): string[] {
  const groups = groupBy(paths, (path) => path.replace(/\.[^.]*$/, ""));
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => `${group.join(", ")}: share their sidecar files; rename all but one`);
}
