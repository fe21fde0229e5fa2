import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { AceError } from "@acewright/core-native";
import { loadDataset, saveDataset, type Dataset, type Song } from "@acewright/dataset";
import type { Workspace } from "../workspace.js";

/** A dataset as it was when it was read. */
export interface OpenDataset {
  /** As the page names it. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly revision: string;
  readonly dataset: Dataset;
  readonly songs: readonly Song[];
  readonly warnings: readonly string[];
}

/** Somebody else wrote the file: another tab, a command, an editor. */
export class ChangedElsewhere extends Error {
  constructor(path: string) {
    super(`${path}: was changed by something else meanwhile; nothing was written over it`);
  }
}

/** Datasets kept in memory; more are read again. */
const mostKept = 4;
/** A file that is written over and over again while it is read. */
const mostTries = 5;

/** Reads datasets once for each state of their files, and writes them only over the state that an edit was made on. */
export class DatasetFiles {
  private readonly kept = new Map<string, { stamp: string; opened: OpenDataset }>();

  constructor(private readonly workspace: Workspace) {}

  /** @throws {AceError} ERR_FILE for a path outside the workspace, or what is no dataset. */
  async open(path: string): Promise<OpenDataset> {
    const file = this.workspace.resolve(path);
    const stamp = stampOf(file);
    const known = this.kept.get(file);
    if (known !== undefined && known.stamp === stamp) return known.opened;
    const opened = await this.read(file);
    this.kept.delete(file);
    this.kept.set(file, { stamp, opened });
    for (const oldest of [...this.kept.keys()].slice(0, -mostKept)) this.kept.delete(oldest);
    return opened;
  }

  /**
   * The dataset, where it is as the page knows it.
   *
   * @throws {ChangedElsewhere} where it is not.
   */
  async openAt(path: string, revision: string): Promise<OpenDataset> {
    const opened = await this.open(path);
    if (opened.revision !== revision) throw new ChangedElsewhere(opened.path);
    return opened;
  }

  /**
   * Writes over what an edit was made on, and nothing else. Without a pause between the look and the rename, two tabs of one
   * studio cannot write over each other.
   *
   * @throws {ChangedElsewhere}
   */
  write({ path, file, revision }: OpenDataset, dataset: Dataset): void {
    this.refuseChanged(path, file, revision);
    saveDataset(file, dataset);
  }

  /** @throws {ChangedElsewhere} */
  refuseChanged(path: string, file: string, revision: string): void {
    if (revisionOf(file) !== revision) throw new ChangedElsewhere(path);
  }

  private async read(file: string): Promise<OpenDataset> {
    for (let tries = 0; tries < mostTries; tries++) {
      const before = revisionOf(file);
      const { dataset, songs, warnings } = await loadDataset(file, {
        missingAudio: "keep",
        allowRoots: this.workspace.roots,
      });
      const revision = revisionOf(file);
      const path = this.workspace.show(file);
      if (revision === before) return { path, file, revision, dataset, songs, warnings };
    }
    throw new AceError("ERR_FILE", `${file}: is written all the time; try again when that is over`);
  }
}

/** What tells one state of a file from another: its content, whatever its times say. */
function revisionOf(file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("base64url");
  } catch {
    // Not there, or a folder: loading it says so in better words.
    return "";
  }
}

function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? "-" : `${found.ino}:${found.size}:${found.mtimeMs}`;
}
