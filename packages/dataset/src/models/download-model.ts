import { AceError } from "@acewright/core-native";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { freeBytes, refuseFullDisk } from "../disk-room.js";
import { mapConcurrently } from "../scan/concurrently.js";
import { downloadFile, hashOf } from "./download-file.js";
import { Hub, type HubOptions } from "./hub.js";
import { listFiles, type HubFile } from "./hub-listing.js";
import { officialModels } from "./official-models.js";
import { readPins, writePins } from "./pinned-hashes.js";
import { searchNames } from "./search-models.js";

export interface DownloadOptions extends HubOptions {
  /** Folder of checkpoints; the model becomes a folder in it. */
  readonly output: string;
  /** Branch, tag or commit; default main. */
  readonly revision?: string;
  readonly onProgress?: (progress: {
    readonly file: string;
    readonly doneBytes: number;
    /** Of those done, what an earlier run brought. */
    readonly earlierBytes: number;
    readonly totalBytes: number;
  }) => void;
}

export interface DownloadReport {
  readonly folder: string;
  readonly repo: string;
  readonly revision: string;
  /** Files brought now, and those that were there. */
  readonly brought: readonly string[];
  readonly kept: readonly string[];
  readonly bytes: number;
}

/** Files on their way at a time. */
const parallel = 3;

/**
 * Downloads a model: an official one by its name, or `org/repo[:folder]`. What an interrupted run brought is gone on with.
 * Each file is held against the server's own hash before it gets its name, and that hash is pinned in the folder: a file that
 * is another one on the server later is refused instead of slipping in.
 *
 * @throws {AceError} ERR_CONFIG for a name nobody knows; ERR_SERVICE; ERR_FILE for a full disk and for files in the way. The
 *   signal's reason when it is aborted; what was brought stays.
 */
export async function downloadModel(name: string, options: DownloadOptions): Promise<DownloadReport> {
  const { output, revision = "main", signal } = options;
  const source = sourceOf(name);
  const hub = new Hub(options);
  const listed = await listFiles(hub, source.repo, revision, source.folder);
  const folder = join(resolve(output), source.name);
  const files = new Map(listed.map((file) => [withinFolder(file.path, source.folder), file]));
  refuseChanged(folder, files);
  const kept = await alreadyThere(folder, files);
  const missing = [...files].filter(([file]) => !kept.includes(file));
  const totalBytes = missing.reduce((sum, [, { size }]) => sum + size, 0);
  const partBytes = missing.reduce((sum, [file]) => sum + (sizeOf(join(folder, `${file}.part`)) ?? 0), 0);
  refuseFullDisk(folder, totalBytes - partBytes, freeBytes(folder));
  mkdirSync(folder, { recursive: true });
  let doneBytes = 0;
  let earlierBytes = 0;
  await mapConcurrently(missing, parallel, signal, async ([name_, file]) => {
    await downloadFile({
      hub,
      repo: source.repo,
      revision,
      file,
      target: join(folder, name_),
      signal,
      pauseMs: options.pauseMs,
      onBytes: (count, ofEarlierRun) => {
        doneBytes += count;
        earlierBytes += ofEarlierRun;
        options.onProgress?.({ file: name_, doneBytes, earlierBytes, totalBytes });
      },
    });
    writePins(folder, source.repo, revision, new Map([[name_, file]]));
  });
  writePins(folder, source.repo, revision, files);
  const brought = missing.map(([file]) => file);
  return { folder, repo: source.repo, revision, brought, kept, bytes: totalBytes };
}

/** What a name means. */
export function sourceOf(name: string): {
  readonly name: string;
  readonly repo: string;
  readonly folder: string;
} {
  const known = officialModels.find((model) => model.name === name);
  if (known !== undefined) return known;
  const [, repo, folder = ""] = /^([\w.-]+\/[\w.-]+)(?::([\w./-]+))?$/.exec(name) ?? [];
  if (repo !== undefined && !folder.split("/").includes(".."))
    return { name: basename(folder === "" ? repo : folder), repo, folder };
  const meant = searchNames(
    name,
    officialModels.map((model) => model.name),
  );
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return sourceOf(only);
  const help = meant.length > 1 ? `it could be ${meant.join(", ")}` : "`acewright models list` names them; others are org/repo[:folder]"; // prettier-ignore
  throw new AceError("ERR_CONFIG", `${name}: is no model; ${help}`);
}

function withinFolder(path: string, folder: string): string {
  return folder === "" ? path : path.slice(folder.length + 1);
}

/** A file that the server has changed since it was pinned here. */
function refuseChanged(folder: string, files: ReadonlyMap<string, HubFile>): void {
  const pinned = readPins(folder)?.files ?? {};
  for (const [name, { hash }] of files) {
    const pin = pinned[name];
    if (pin === undefined || (pin.kind === hash.kind && pin.hex === hash.hex)) continue;
    throw new AceError(
      "ERR_SERVICE",
      `${join(folder, name)}: the server has another file now than when it was first downloaded; ask for that revision, or download into a new folder`,
    );
  }
}

/** Files that are what the server lists. */
async function alreadyThere(folder: string, files: ReadonlyMap<string, HubFile>): Promise<string[]> {
  const pinned = readPins(folder)?.files ?? {};
  const kept: string[] = [];
  for (const [name, file] of files) {
    const path = join(folder, name);
    const size = sizeOf(path);
    if (size === undefined) continue;
    // A pinned file was compared when it came; reading gigabytes again is for `models verify --hashes`.
    const isSame =
      size === file.size && (pinned[name] !== undefined || (await hashOf(path, file)) === file.hash.hex);
    if (!isSame)
      throw new AceError(
        "ERR_FILE",
        `${path}: is there and is another file than ${file.path} on the server; move it away first`,
      );
    kept.push(name);
  }
  return kept;
}

function sizeOf(path: string): number | undefined {
  return existsSync(path) ? statSync(path).size : undefined;
}
