import { AceError, writeFileAtomic } from "@acewright/core-native";
import { existsSync, readFileSync } from "node:fs";
import { forgetUndone, keepBackup } from "./backup.js";
import { parseDataset } from "./load-dataset.js";
import type { Dataset } from "./schema.js";

/**
 * Writes dataset.json as the official trainer does (two-space indent, non-ASCII kept), whole or not at all, with
 * `num_samples` brought up to date. `.json` is added to a name without it. What the file held before is kept as
 * `dataset.json.bak` (see {@link undoChange}); a file that would stay the same is not written.
 *
 * @param options.backup false for the later of several saves that are one change to the user
 * @returns the path written.
 * @throws {AceError} ERR_FILE when it cannot be written; ERR_INTERNAL when the dataset would not load again.
 */
export function saveDataset(path: string, dataset: Dataset, options: { backup?: boolean } = {}): string {
  const target = path.toLowerCase().endsWith(".json") ? path : `${path}.json`;
  const text = datasetToJson(dataset);
  try {
    parseDataset(text, target);
  } catch (cause) {
    throw new AceError("ERR_INTERNAL", `not written, it would not load again: ${String(cause)}`, { cause });
  }
  if (existsSync(target)) {
    if (readFileSync(target, "utf8") === text) return target;
    if (options.backup !== false) {
      keepBackup(target);
      forgetUndone(target);
    }
  }
  writeFileAtomic(target, text);
  return target;
}

/** The text of the file. */
export function datasetToJson(dataset: Dataset): string {
  const metadata = { ...dataset.metadata, num_samples: dataset.samples.length };
  return JSON.stringify({ ...dataset, metadata }, null, 2);
}
