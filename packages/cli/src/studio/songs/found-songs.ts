import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isSongName } from "@acewright/dataset";
import type { Job } from "../api.js";
import type { SongRow } from "../songs-api.js";
import type { Workspace } from "../workspace.js";

/** Where songs go unless another name is given: not `songs`, which are mostly those that are trained on. */
export const songsFolder = "generated";

/** Folders below that are looked into: several songs of one caption lie in one of their own. */
const deepest = 2;

/** The songs that were made, newest first: those in their folder, and wherever a job wrote one. */
export function foundSongs(jobs: readonly Job[], workspace: Workspace): SongRow[] {
  const made = jobs.filter(({ kind, makes }) => kind === "generate" && makes !== undefined);
  const songs = new Map<string, SongRow>();
  const add = (path: string, depth: number): void => {
    // Links are followed no further than the workspace is: a place is resolved, what lies in it is taken as it lies.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true && depth < deepest)
      for (const name of readdirSync(path)) add(join(path, name), depth + 1);
    if (found?.isFile() !== true || !isSongName(path)) return;
    const shown = workspace.show(path);
    const job = made.find(({ makes = "" }) => shown === makes || shown.startsWith(`${makes}/`));
    songs.set(shown, {
      path: shown,
      madeAt: found.mtime.toISOString(),
      ...(job === undefined ? {} : { about: job.title }),
    });
  };
  for (const place of [songsFolder, ...made.flatMap(({ makes }) => makes ?? [])])
    add(workspace.resolve(place), 0);
  return [...songs.values()].sort((a, b) => b.madeAt.localeCompare(a.madeAt));
}
