import { flatten, harmless } from "../config/config-diff.js";
import { readRun, type RunDetails } from "./list-runs.js";

/** A setting in which runs differ, with its value in each. */
export interface SettingsDifference {
  /** Dotted path, such as `adapter.rank`. */
  readonly field: string;
  /** In the order of the runs; undefined where a run does not have it. */
  readonly values: readonly unknown[];
}

export interface RunComparison {
  readonly runs: readonly RunDetails[];
  /** Only settings that decide numbers, and the surroundings (model, dataset, device). */
  readonly differences: readonly SettingsDifference[];
}

/**
 * Reads several runs and says in what they differ.
 *
 * @throws {AceError} ERR_FILE for a folder that holds no run.
 */
export function compareRuns(folders: readonly string[]): RunComparison {
  const runs = folders.map((folder) => readRun(folder));
  const settings = runs.map(({ config }) => flatten(config));
  const fields = new Set(settings.flatMap((of) => [...of.keys()]));
  const differences = [...fields]
    .filter((field) => !harmless.has(field))
    .map((field) => ({ field, values: settings.map((of) => of.get(field)) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
  return { runs, differences };
}
