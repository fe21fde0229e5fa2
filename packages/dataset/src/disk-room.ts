import { AceError, formatBytes } from "@acewright/core-native";
import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Bytes free where a folder is or will be. */
export function freeBytes(folder: string): number {
  let place = resolve(folder);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

/** @throws {AceError} ERR_FILE with both figures when the disk will not hold what is to be made. */
export function refuseFullDisk(folder: string, neededBytes: number, roomBytes: number): void {
  if (neededBytes <= roomBytes) return;
  throw new AceError(
    "ERR_FILE",
    `${folder}: needs ${formatBytes(neededBytes)} while it works, the disk has ${formatBytes(roomBytes)}; free some space or choose another folder`,
  );
}
