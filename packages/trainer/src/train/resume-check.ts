import { AceError } from "@acewright/core-native";
import { resumeChanges } from "../config/resume-changes.js";
import type { TrainConfig } from "../config/train-config.js";
import type { Files } from "../run/files.js";
import { readRunConfig } from "../run/run-folder.js";
import { refuseLocked } from "../run/run-lock.js";
import { runPaths } from "../run/run-paths.js";

/** What becomes of a run folder that already holds a run. */
export interface ResumeOptions {
  /** `true`: go on from the newest checkpoint; `"if-possible"`: begin where there is no run; default: refuse a run. */
  readonly resume?: boolean | "if-possible";
  /** Go on although settings differ; the run is then no longer what an uninterrupted one would be. */
  readonly allowChanges?: boolean;
}

/** What a process killed while it began leaves: nothing of worth. */
const leftovers = /^(run\.lock|checkpoints|\.(tmp|old)-.*|\.config\.json\..*\.tmp)$/;

/**
 * Whether the folder holds a run to go on with.
 *
 * @throws {AceError} ERR_CONFIG for a run that is not to be resumed and for a folder with other files; ERR_FILE where
 *   there is no run to resume, or another process trains into it.
 */
export function isResumed(run: string, { resume = false }: ResumeOptions, files: Files): boolean {
  if (files.existsSync(runPaths(run).config)) {
    if (resume === false) {
      throw new AceError(
        "ERR_CONFIG",
        `${run}: already holds a run; resume it, or choose another output folder`,
      );
    }
    refuseLocked(files, run);
    return true;
  }
  if (resume === true) throw new AceError("ERR_FILE", `${run}: holds no run to resume (no config.json)`);
  const foreign = files.existsSync(run)
    ? files.readdirSync(run).find((name) => !leftovers.test(name))
    : undefined;
  if (foreign === undefined) return false;
  throw new AceError(
    "ERR_CONFIG",
    `${run}: is not empty and no run (it holds ${JSON.stringify(foreign)}); choose another output folder`,
  );
}

/**
 * What differs from the run as it was begun, as warnings where that is allowed.
 *
 * @throws {AceError} ERR_CONFIG with the differences.
 */
export function checkChanges(
  config: TrainConfig,
  stepsPerEpoch: number,
  { allowChanges }: ResumeOptions,
  files: Files,
): string[] {
  const before = readRunConfig(config.output, files);
  const [old, now] = [before.environment?.acewright, config.environment?.acewright];
  const warnings =
    old === now ? [] : [`begun with Acewright ${old ?? "unknown"}, resumed with ${now ?? "unknown"}`];
  const { changes, text } = resumeChanges(before, config, stepsPerEpoch);
  if (changes.length === 0) return warnings;
  if (allowChanges === true) return [...warnings, `resumed with other settings than before: ${text}`];
  throw new AceError(
    "ERR_CONFIG",
    `${config.output}: cannot resume with other settings (${text}); use those of its config.json, or allow changes (--allow-changes) and give up equality with an uninterrupted run`,
  );
}
