import { AceError, renameFile, writeFileAtomic } from "@acewright/core-native";
import { existsSync, readFileSync, rmSync } from "node:fs";

/** Former contents that are kept of one file. */
const mostBackups = 5;

/** `path.bak` is the newest, `path.bak.2` the one before. */
function backupName(path: string, age: number): string {
  return age === 1 ? `${path}.bak` : `${path}.bak.${age}`;
}

/**
 * Keeps what a file holds as `path.bak`, the former one as `path.bak.2` and so on, five in all. The file itself stays.
 *
 * @returns the backup's path; undefined when there is no file.
 * @throws {AceError} ERR_FILE when the backup cannot be written.
 */
export function keepBackup(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  for (let age = mostBackups - 1; age >= 1; age--) {
    if (existsSync(backupName(path, age))) renameFile(backupName(path, age), backupName(path, age + 1));
  }
  writeFileAtomic(backupName(path, 1), bytes);
  return backupName(path, 1);
}

/** What {@link undoChange} put back. */
export interface Undone {
  path: string;
  /** Holds what the undo took away; {@link redoChange} brings it back. */
  undone: string;
  /** Further steps that can be undone. */
  left: number;
}

/**
 * Puts back what a file held before its last change, from its newest backup. What it holds now is kept as
 * `path.undone`.
 *
 * @throws {AceError} ERR_FILE when there is no backup.
 */
export function undoChange(path: string): Undone {
  const ages = Array.from({ length: mostBackups }, (_, index) => index + 1);
  const [newest, ...older] = ages.filter((age) => existsSync(backupName(path, age)));
  if (newest === undefined) {
    throw new AceError("ERR_FILE", `${path}: there is no ${backupName(path, 1)}, so nothing can be undone`);
  }
  const undone = `${path}.undone`;
  if (existsSync(path)) writeFileAtomic(undone, readFileSync(path));
  renameFile(backupName(path, newest), path);
  for (const [place, age] of older.entries()) renameFile(backupName(path, age), backupName(path, place + 1));
  return { path, undone, left: older.length };
}

/**
 * Takes the last undo back.
 *
 * @returns the path written
 * @throws {AceError} ERR_FILE when nothing was undone.
 */
export function redoChange(path: string): string {
  const undone = `${path}.undone`;
  if (!existsSync(undone)) {
    throw new AceError("ERR_FILE", `${path}: there is no ${undone}, so no undo can be taken back`);
  }
  keepBackup(path);
  renameFile(undone, path);
  return path;
}

/** How many changes of a file can be undone, and whether an undo can be taken back. */
export function keptChanges(path: string): { undo: number; redo: boolean } {
  const ages = Array.from({ length: mostBackups }, (_, index) => index + 1);
  return {
    undo: ages.filter((age) => existsSync(backupName(path, age))).length,
    redo: existsSync(`${path}.undone`),
  };
}

/** A new change makes what was undone before it meaningless. */
export function forgetUndone(path: string): void {
  rmSync(`${path}.undone`, { force: true });
}
