import { renameSync } from "node:fs";
import type { PathLike } from "node:fs";
import { rename } from "node:fs/promises";

/** Milliseconds between attempts: together a second and a half, longer than a scanner looks at a fresh file. */
const pauses = [10, 20, 40, 80, 150, 200, 300, 300, 400];

const heldByOther = new Set(["EPERM", "EACCES", "EBUSY"]);

/** The calls {@link renameFile} makes; tests pass ones that fail. */
export interface RenameCalls {
  readonly rename: (from: PathLike, to: PathLike) => void;
  readonly platform: NodeJS.Platform;
  readonly pause: (milliseconds: number) => void;
}

const ownCalls: RenameCalls = {
  rename: renameSync,
  platform: process.platform,
  pause: (milliseconds) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  },
};

/**
 * Renames a file or folder. On Windows a virus scanner or indexer may hold it for a moment, which other systems allow:
 * there it is tried again for up to a second and a half.
 *
 * @throws the system's error of the last attempt.
 */
export function renameFile(from: PathLike, to: PathLike, calls: RenameCalls = ownCalls): void {
  for (const milliseconds of pauses) {
    try {
      calls.rename(from, to);
      return;
    } catch (error) {
      if (!mayPass(error, calls.platform)) throw error;
      calls.pause(milliseconds);
    }
  }
  calls.rename(from, to);
}

/** {@link renameFile} for callers that may not block. */
export async function renameFileLater(from: PathLike, to: PathLike): Promise<void> {
  for (const milliseconds of pauses) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (!mayPass(error, process.platform)) throw error;
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
  }
  await rename(from, to);
}

/** Elsewhere these codes mean that it is not allowed, and waiting does not change that. */
function mayPass(error: unknown, platform: NodeJS.Platform): boolean {
  return platform === "win32" && heldByOther.has((error as NodeJS.ErrnoException).code ?? "");
}
