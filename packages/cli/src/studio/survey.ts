import { readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AceError } from "@acewright/core-native";
import { discoverModels, isSongName, loadDataset, openTensors } from "@acewright/dataset";
import { readRunSummary, type RunSummary } from "@acewright/trainer";
import { packageVersion } from "../package-version.js";
import { songsFolder } from "./songs/found-songs.js";
import type {
  FoundDataset,
  FoundModelFolder,
  FoundSongFolder,
  FoundTensors,
  RunRow,
  WorkspaceView,
} from "./api.js";
import type { Workspace } from "./workspace.js";

/** Folders below the workspace that are looked into: what commands write by themselves lies in the first two. */
const deepest = 3;
/** Folders looked at before a workspace counts as somebody's whole disk. */
const mostFolders = 2000;
/** A dataset says so in its first words: no other JSON file is read in full. */
const headBytes = 2 ** 16;

/** Finds what the page can show. What was read once is read again only when its file has changed. */
export class Survey {
  private readonly datasets = new Remembered<FoundDataset | undefined>();
  private readonly tensors = new Remembered<FoundTensors>();
  private readonly runs = new Remembered<RunSummary>();

  constructor(
    private readonly workspace: Workspace,
    /** The folder of checkpoints, which may lie elsewhere. */
    private readonly checkpoints: string,
  ) {}

  async look(): Promise<WorkspaceView> {
    const found = {
      datasets: [] as FoundDataset[],
      tensors: [] as FoundTensors[],
      runs: [] as RunRow[],
      songFolders: [] as FoundSongFolder[],
    };
    const unreadable: string[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof AceError)) throw error;
        unreadable.push(error.message);
      }
    };
    const waiting = [{ folder: this.workspace.folder, depth: 0 }];
    for (let seen = 0; seen < mostFolders; seen++) {
      const next = waiting.shift();
      if (next === undefined) break;
      const { folder, depth } = next;
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      const names = new Set(entries.map(({ name }) => name));
      if (names.has("config.json") && names.has("checkpoints")) {
        await attempt(async () => Promise.resolve(void found.runs.push(this.row(folder))));
        continue;
      }
      if (names.has("manifest.json")) {
        await attempt(async () => void found.tensors.push(await this.tensorsIn(folder)));
        continue;
      }
      for (const entry of entries) {
        if (!entry.isFile() || !/\.json$/i.test(entry.name)) continue;
        await attempt(async () => {
          const dataset = await this.datasetAt(join(folder, entry.name));
          if (dataset !== undefined) found.datasets.push(dataset);
        });
      }
      const songs = entries.filter((entry) => entry.isFile() && isSongName(entry.name)).length;
      // Those that were made here are nobody's to train on.
      const isMade = folder === join(this.workspace.folder, songsFolder);
      if (songs > 0 && !isMade) found.songFolders.push({ path: this.workspace.show(folder), songs });
      if (depth === deepest) continue;
      for (const entry of entries) {
        if (!entry.isDirectory() || /^\.|^node_modules$/.test(entry.name)) continue;
        waiting.push({ folder: join(folder, entry.name), depth: depth + 1 });
      }
    }
    found.runs.sort((a, b) => (b.startedAt ?? "").localeCompare(a.startedAt ?? ""));
    return {
      folder: this.workspace.folder,
      version: packageVersion(),
      ...found,
      models: this.models(),
      unreadable,
    };
  }

  /** @throws {AceError} ERR_FILE when the folder holds no run. */
  summary(folder: string): RunSummary {
    const files = [join(folder, "events.jsonl"), join(folder, "run.lock")];
    const remembered = this.runs.get(folder, files, () => readRunSummary(folder));
    // A process that is killed leaves its files as they are.
    return remembered.status === "running" ? readRunSummary(folder) : remembered;
  }

  row(folder: string): RunRow {
    return runRow(this.summary(folder), this.workspace);
  }

  private models(): FoundModelFolder[] {
    return discoverModels(this.checkpoints).map(({ folder, base }) => ({
      path: this.workspace.show(folder),
      variant: base,
    }));
  }

  private async tensorsIn(folder: string): Promise<FoundTensors> {
    return await this.tensors.get(folder, [join(folder, "manifest.json")], async () => {
      const { samples } = await openTensors(folder, { checksums: "never" });
      return { path: this.workspace.show(folder), songs: samples.length };
    });
  }

  private async datasetAt(path: string): Promise<FoundDataset | undefined> {
    return await this.datasets.get(path, [path], async () => {
      const head = readFileSync(path).subarray(0, headBytes).toString("utf8");
      if (!/"(samples|audio_path)"\s*:/.test(head)) return undefined;
      const { dataset } = await loadDataset(path, {
        missingAudio: "keep",
        allowRoots: this.workspace.roots,
      });
      return { path: this.workspace.show(path), name: dataset.metadata.name, songs: dataset.samples.length };
    });
  }
}

/** A run as lists show it. */
export function runRow({ folder, config, final, ...rest }: RunSummary, workspace: Workspace): RunRow {
  return {
    ...rest,
    path: workspace.show(folder),
    adapter: config.adapter.kind,
    final: final !== undefined,
  };
}

/** Answers that hold as long as the files they were read from stay as they are. */
class Remembered<Value> {
  private readonly known = new Map<string, { stamp: string; value: Value }>();

  get(key: string, files: readonly string[], read: () => Value): Value;
  get(key: string, files: readonly string[], read: () => Promise<Value>): Promise<Value>;
  get(key: string, files: readonly string[], read: () => Value | Promise<Value>): Value | Promise<Value> {
    const stamp = files.map(stampOf).join(" ");
    const known = this.known.get(key);
    if (known?.stamp === stamp) return known.value;
    const value = read();
    const keep = (one: Value): Value => {
      this.known.set(key, { stamp, value: one });
      return one;
    };
    return value instanceof Promise ? value.then(keep) : keep(value);
  }
}

function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "-" : `${found.size}:${found.mtimeMs}`;
}
