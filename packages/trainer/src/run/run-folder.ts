import { join } from "node:path";
import { AceError, notJson, writeFileAtomic } from "@acewright/core-native";
import type { TrainConfig } from "../config/train-config.js";
import { parseConfig } from "../config/parse-config.js";
import { expendable } from "../plan/retention.js";
import { recoverFolders } from "./atomic-folder.js";
import { readCheckpoint, writeCheckpoint, type Checkpoint, type CheckpointContent } from "./checkpoint.js";
import { fileError, removeFolder, nodeFiles, type Files } from "./files.js";
import { RunLock } from "./run-lock.js";
import { checkpointName, checkpointStep, runPaths } from "./run-paths.js";

/** A run folder this process may write to. */
export class RunFolder {
  readonly paths: ReturnType<typeof runPaths>;
  private constructor(
    readonly folder: string,
    private readonly files: Files,
    private readonly lock: RunLock,
  ) {
    this.paths = runPaths(folder);
  }

  /**
   * Makes the folder where there is none, takes it for this process and clears what a killed process left.
   *
   * @throws {AceError} ERR_FILE when another process trains there or the folder cannot be written.
   */
  static open(folder: string, files: Files): RunFolder {
    const paths = runPaths(folder);
    try {
      files.mkdirSync(paths.checkpoints, { recursive: true });
    } catch (cause) {
      throw fileError(cause, folder, "making the run folder");
    }
    const lock = RunLock.take(files, folder);
    try {
      recoverFolders(files, folder);
      recoverFolders(files, paths.checkpoints);
    } catch (cause) {
      lock.release();
      throw fileError(cause, folder, "clearing what a killed process left");
    }
    return new RunFolder(folder, files, lock);
  }

  writeConfig(config: TrainConfig): void {
    writeFileAtomic(this.paths.config, `${JSON.stringify(config, null, 2)}\n`);
  }

  /** Writes a checkpoint, then lets go of those the retention does not keep. Returns its folder. */
  async saveCheckpoint(content: CheckpointContent, keep: number): Promise<string> {
    this.lock.verify();
    const { step } = content.progress;
    const folder = this.paths.checkpoint(step);
    await writeCheckpoint(this.files, folder, content);
    try {
      for (const old of expendable(checkpointSteps(this.folder, this.files), keep))
        await removeFolder(this.files, this.paths.checkpoint(old));
    } catch (cause) {
      throw fileError(cause, this.paths.checkpoints, "removing an old checkpoint");
    }
    return folder;
  }

  /** The newest checkpoint that is whole; newer damaged ones are set aside and told of. */
  async newestCheckpoint(onDamaged: (message: string) => void): Promise<Checkpoint | undefined> {
    for (const step of checkpointSteps(this.folder, this.files).sort((a, b) => b - a)) {
      try {
        return await readCheckpoint(this.paths.checkpoint(step), this.files);
      } catch (cause) {
        if (!(cause instanceof AceError) || cause.code !== "ERR_FILE") throw cause;
        const aside = join(this.paths.checkpoints, `damaged-${checkpointName(step)}`);
        this.files.rmSync(aside, { recursive: true, force: true });
        this.files.renameSync(this.paths.checkpoint(step), aside);
        onDamaged(`${cause.message}; that checkpoint is set aside as ${aside}`);
      }
    }
    return undefined;
  }

  release(): void {
    this.lock.release();
  }
}

/** Steps of a run's checkpoints, in no order. */
export function checkpointSteps(run: string, files: Files = nodeFiles): number[] {
  const { checkpoints } = runPaths(run);
  if (!files.existsSync(checkpoints)) return [];
  return files.readdirSync(checkpoints).flatMap((name) => checkpointStep(name) ?? []);
}

/** The run that a checkpoint or the folder of all of them belongs to, or that `acewright run` made below a folder. */
function runNear(path: string, files: Files): string | undefined {
  const above = [join(path, ".."), join(path, "..", "..")];
  return [...above, join(path, "run")].find((folder) => {
    const { config, checkpoints } = runPaths(folder);
    return files.existsSync(config) && files.existsSync(checkpoints);
  });
}

/**
 * The configuration a run was made with, every choice written out; given to `train` again it repeats the run.
 *
 * @throws {AceError} ERR_FILE when the folder holds no run, ERR_CONFIG when its config.json was changed into nonsense.
 */
export function readRunConfig(run: string, files: Files = nodeFiles): TrainConfig {
  const { config } = runPaths(run);
  if (!files.existsSync(config)) {
    const near = runNear(run, files);
    const hint = near === undefined ? "" : `; the run is ${near}`;
    throw new AceError("ERR_FILE", `${run}: holds no run (${join(run, "config.json")} is missing)${hint}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(files.readFileSync(config, "utf8"));
  } catch (cause) {
    throw new AceError("ERR_FILE", `${config}: ${notJson(cause)}`, { cause });
  }
  return parseConfig(json, config);
}
