import { AceError } from "@acewright/core-native";
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { loadDataset } from "../../dataset-file/load-dataset.js";
import { filterSamples } from "../../dataset-file/filter-samples.js";
import type { Dataset, Sample } from "../../dataset-file/schema.js";
import { scanFolder } from "../../scan/scan-folder.js";
import { readFolderRecord } from "./folder-record.js";

export interface TargetOptions {
  /** Which songs of a dataset; see `filterSamples`. */
  where?: readonly string[];
  /** Folders that relative paths with `..` may lead into. */
  allowRoots?: readonly string[];
  signal?: AbortSignal;
  /** Called while a folder is scanned. */
  onScan?: (progress: { done: number; total: number; path: string }) => void;
}

/** Songs to be annotated and where the answers go. */
export interface AnnotationTarget {
  kind: "dataset" | "folder";
  /** Absolute. */
  path: string;
  dataset: Dataset;
  songs: { index: number; sample: Sample; audioFile: string; isMissing: boolean }[];
  warnings: string[];
}

/**
 * Opens a dataset.json, or a folder of songs with what stands beside them.
 *
 * @throws {AceError} ERR_FILE when it does not exist or cannot be read.
 */
export async function openTarget(path: string, options: TargetOptions = {}): Promise<AnnotationTarget> {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new AceError("ERR_FILE", `${path}: does not exist; name a folder of songs or a dataset.json`);
  }
  return statSync(absolute).isDirectory() ? openFolder(absolute, options) : openDataset(absolute, options);
}

async function openDataset(path: string, options: TargetOptions): Promise<AnnotationTarget> {
  const allowRoots = options.allowRoots ?? [];
  const { dataset, songs, warnings } = await loadDataset(path, { allowRoots, missingAudio: "keep" });
  const picked = new Set(filterSamples(dataset, options.where ?? []));
  return {
    kind: "dataset",
    path,
    dataset,
    songs: songs.map((song, index) => ({ ...song, index })).filter(({ index }) => picked.has(index)),
    warnings,
  };
}

async function openFolder(path: string, options: TargetOptions): Promise<AnnotationTarget> {
  const { signal, onScan } = options;
  // A record that is damaged is refused before anybody is asked; the scan alone would only warn.
  await readFolderRecord(path);
  const { dataset, report } = await scanFolder(path, {
    ...(signal === undefined ? {} : { signal }),
    ...(onScan === undefined ? {} : { onProgress: onScan }),
  });
  const picked = new Set(filterSamples(dataset, options.where ?? []));
  return {
    kind: "folder",
    path,
    dataset,
    songs: dataset.samples
      .map((sample, index) => ({ index, sample, audioFile: sample.audio_path, isMissing: false }))
      .filter(({ index }) => picked.has(index)),
    warnings: [
      ...report.skipped.map((file) => `${basename(file.path)} is skipped: ${file.reason}`),
      ...report.warnings,
    ],
  };
}

/** Beside the target, with a name of its own for every recipe. */
export function journalPath({ kind, path }: AnnotationTarget, task: string, recipe: string): string {
  const name = kind === "folder" ? ".acewright" : `.${basename(path)}`;
  return join(kind === "folder" ? path : dirname(path), `${name}.${task}-${recipe}.journal`);
}
