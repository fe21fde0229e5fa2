import { AceError } from "@acewright/core-native";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isSongName } from "../scan/walk-folder.js";

/**
 * Refuses a place that cannot take tensors: a file, or somebody's folder of songs, where they would lie between the songs.
 *
 * @throws {AceError} ERR_FILE
 */
export function refuseForeignFolder(folder: string): void {
  // Below a file nothing is either; making it says so.
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new AceError("ERR_FILE", `${folder}: is a file; name a new folder for the tensors`);
  if (existsSync(join(folder, "manifest.json"))) return;
  const song = readdirSync(folder).find(isSongName);
  if (song === undefined) return;
  throw new AceError(
    "ERR_FILE",
    `${folder}: holds songs (${JSON.stringify(song)}) and no tensors; name a new folder for the tensors`,
  );
}

/** @throws {AceError} ERR_FILE where the system does not let it be made. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new AceError("ERR_FILE", `${folder}: cannot be made (${(cause as Error).message})`, { cause });
  }
}
