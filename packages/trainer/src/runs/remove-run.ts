import { rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { renameFile } from "@acewright/core-native";
import { nodeFiles } from "../run/files.js";
import { refuseLocked } from "../run/run-lock.js";
import { readRun } from "./list-runs.js";

/**
 * Removes a run's folder with everything in it. It is renamed first, so that what a cut-off removal leaves is no run.
 *
 * @throws {AceError} ERR_FILE where the folder holds no run, or a process trains there.
 */
export function removeRun(folder: string): void {
  const path = resolve(folder);
  readRun(path);
  refuseLocked(nodeFiles, path);
  const aside = join(dirname(path), `.removed-${basename(path)}-${process.pid}`);
  renameFile(path, aside);
  rmSync(aside, { recursive: true, force: true });
}
