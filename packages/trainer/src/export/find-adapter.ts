import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AceError, adapterWeightsIn, locateAdapter } from "@acewright/core-native";
import { checkpointSteps } from "../run/run-folder.js";
import { runPaths } from "../run/run-paths.js";

/** Which adapter of a run: the trained one, the one that validated best, or a checkpoint's by its step. */
export type RunAdapter = "final" | "best" | number;

/** The files of one adapter, and the run they are of. */
export interface FoundAdapter {
  readonly weights: string;
  /** adapter_config.json, of a PEFT folder. */
  readonly config: string | undefined;
  readonly run: string | undefined;
}

/**
 * Finds the adapter of a run (also the official trainer's, with an `adapter` folder inside), of an adapter's or an export's
 * folder, or the file itself.
 *
 * @throws {AceError} ERR_FILE saying what is there instead.
 */
export function findAdapter(path: string, which: RunAdapter = "final"): FoundAdapter {
  if (!existsSync(path)) throw new AceError("ERR_FILE", `${path}: does not exist`);
  if (statSync(path).isFile()) return filesOf(path, undefined);
  const paths = runPaths(path);
  if (existsSync(paths.checkpoints)) {
    const folder = typeof which === "number" ? paths.checkpoint(which) : paths[which];
    const weights = existsSync(folder) ? adapterWeightsIn(folder) : undefined;
    if (weights !== undefined) return filesOf(weights, path);
    throw new AceError("ERR_FILE", `${path}: has no ${describe(which)} adapter; it has ${whatIsThere(path)}`);
  }
  return filesOf(locateAdapter(path), undefined);
}

function filesOf(weights: string, run: string | undefined): FoundAdapter {
  const config = join(dirname(weights), "adapter_config.json");
  return { weights, config: existsSync(config) ? config : undefined, run };
}

function describe(which: RunAdapter): string {
  return typeof which === "number" ? `step ${which}` : which;
}

function whatIsThere(run: string): string {
  const steps = checkpointSteps(run).sort((a, b) => a - b);
  const { final, best } = runPaths(run);
  const there = [
    ...(existsSync(final) ? ["final"] : []),
    ...(existsSync(best) ? ["best"] : []),
    ...(steps.length > 0 ? [`checkpoints of step ${steps.join(", ")}`] : []),
  ];
  return there.length === 0 ? "nothing saved yet" : there.join(", ");
}
