import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AceError, renameFile } from "@acewright/core-native";

/** Where the toy lies: in the published package (copied there by `npm pack`), or in the repository. */
const places = ["../../toy", "../../../../tools/reference/toy"];

/** The small trained checkpoint and its songs, as shipped. */
export interface ToyFolders {
  readonly checkpoints: string;
  readonly songs: string;
}

/** @throws {AceError} ERR_INTERNAL when the installation lacks it */
export function toyFolders(): ToyFolders {
  const found = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((folder) => existsSync(join(folder, "checkpoints")));
  if (found === undefined)
    throw new AceError("ERR_INTERNAL", "the toy checkpoint is not in this installation");
  return { checkpoints: join(found, "checkpoints"), songs: join(found, "adapt") };
}

/**
 * Copies a folder to a place that must not exist or be empty; a copy that was cut short leaves nothing under its name.
 *
 * @throws {AceError} ERR_FILE when the target holds something
 */
export function layDown(source: string, target: string): void {
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new AceError("ERR_FILE", `${target}: holds files already; choose an empty or a new folder`);
  }
  const temporary = `${target.replace(/[/\\]+$/, "")}.partial-${process.pid}`;
  try {
    mkdirSync(temporary, { recursive: true });
    cpSync(source, temporary, { recursive: true, dereference: true });
    rmSync(target, { recursive: true, force: true });
    renameFile(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
