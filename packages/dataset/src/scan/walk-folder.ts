import { AceError } from "@acewright/core-native";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { audioExtensions } from "../audio/kinds.js";

/** One folder of the walk: what it holds decides which sidecars are looked for. */
export interface FolderFiles {
  folder: string;
  /** Names of all files in it. */
  names: Set<string>;
  /** Those that are songs by their extension, sorted. */
  songs: string[];
}

export interface SkippedFile {
  path: string;
  reason: string;
}

export interface FolderWalk {
  /** Folders that hold songs. */
  folders: FolderFiles[];
  /** Names of the files in the root folder itself, where tables are looked for. */
  rootNames: string[];
  skipped: SkippedFile[];
}

/**
 * All folders under `root` that hold songs. Links are followed, each real folder is entered once.
 *
 * @throws {AceError} ERR_FILE when `root` is missing, unreadable or a file.
 */
export async function walkFolder(root: string, signal?: AbortSignal): Promise<FolderWalk> {
  await requireFolder(root);
  const entered = new Set<string>();
  const folders: FolderFiles[] = [];
  const skipped: SkippedFile[] = [];
  let rootNames: string[] = [];
  const waiting = [root];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    signal?.throwIfAborted();
    const real = await realpath(folder);
    if (entered.has(real)) continue;
    entered.add(real);
    let entries;
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      if (folder === root) throw unreadable(root, error);
      skipped.push({ path: folder, reason: `folder could not be read (${errorCode(error)})` });
      continue;
    }
    const found: FolderFiles = { folder, names: new Set(), songs: [] };
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const kind = entry.isSymbolicLink() ? await linkedKind(path) : entryKind(entry);
      if (kind === "folder") waiting.push(path);
      else if (kind === "file") found.names.add(entry.name);
      if (!isSongName(entry.name) || kind === "folder") continue;
      if (kind === "broken") skipped.push({ path, reason: "link leads nowhere" });
      else if (kind === "other") skipped.push({ path, reason: "not a regular file" });
      else if (entry.name.startsWith("._")) skipped.push({ path, reason: "macOS side file, not a song" });
      else found.songs.push(entry.name);
    }
    if (folder === root) rootNames = [...found.names].sort(comparePaths);
    if (found.songs.length > 0) folders.push(found);
  }
  return { folders, rootNames, skipped };
}

/** Python's order of strings, by code point, which is also the order of their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether a name ends as songs do. */
export function isSongName(name: string): boolean {
  return audioExtensions.includes(extname(name).slice(1).toLowerCase());
}

type EntryKind = "file" | "folder" | "broken" | "other";

function entryKind(entry: { isFile(): boolean; isDirectory(): boolean }): EntryKind {
  return entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
}

async function linkedKind(path: string): Promise<EntryKind> {
  try {
    return entryKind(await stat(path));
  } catch {
    return "broken";
  }
}

async function requireFolder(root: string): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(root)).isDirectory();
  } catch (error) {
    throw unreadable(root, error);
  }
  if (!isFolder) throw new AceError("ERR_FILE", `${root}: is a file; name the folder that holds the songs`);
}

function unreadable(root: string, error: unknown): AceError {
  const code = errorCode(error);
  const what = code === "ENOENT" ? "does not exist" : `could not be read (${code})`;
  return new AceError("ERR_FILE", `${root}: ${what}; name the folder that holds the songs`, { cause: error });
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
