import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { AceError } from "@acewright/core-native";

/** The folders the page may look into and write to, and nothing else of the disk. */
export class Workspace {
  /** Absolute, links resolved. */
  readonly folder: string;
  /** Every folder that may be looked into, this one among them. */
  readonly roots: readonly string[];

  /**
   * @param folder what paths of the page are relative to.
   * @param others folders besides it: where the songs or the models lie.
   * @throws {AceError} ERR_FILE for a folder that does not exist.
   */
  constructor(folder: string, others: readonly string[] = []) {
    const real = (path: string): string => {
      if (!existsSync(path)) throw new AceError("ERR_FILE", `${resolve(path)}: does not exist`);
      return realpathSync(path);
    };
    this.folder = real(folder);
    this.roots = [this.folder, ...others.map(real)];
  }

  /**
   * The absolute path of one of the page's. What does not exist yet is judged by the folder it would be made in; links are
   * followed first.
   *
   * @throws {AceError} ERR_FILE for a path that leads out of the workspace.
   */
  resolve(path: string): string {
    if (path.includes("\0")) throw new AceError("ERR_FILE", "path: holds a NUL character");
    const absolute = resolve(this.folder, path);
    let there = absolute;
    while (!existsSync(there)) there = dirname(there);
    const real = resolve(realpathSync(there), relative(there, absolute));
    if (this.roots.some((root) => isWithin(real, root))) return real;
    throw new AceError(
      "ERR_FILE",
      `${path}: lies outside the studio's folder ${this.folder}; start it there, or allow it with --allow-root`,
    );
  }

  /** Whether something lies at a path that the page may use: a run may speak of folders that were moved, or of another machine's. */
  has(path: string): boolean {
    try {
      return existsSync(this.resolve(path));
    } catch (error) {
      if (error instanceof AceError) return false;
      throw error;
    }
  }

  /** As the page shows a path: relative to the workspace where it lies inside, with forward slashes. */
  show(path: string): string {
    const real = existsSync(path) ? realpathSync(path) : path;
    return isWithin(real, this.folder) ? relative(this.folder, real).split(sep).join("/") || "." : path;
  }
}

function isWithin(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return steps !== ".." && !steps.startsWith(`..${sep}`) && !isAbsolute(steps);
}
