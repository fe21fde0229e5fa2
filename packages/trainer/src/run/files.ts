import * as fs from "node:fs";
import { AceError, renameFile } from "@acewright/core-native";

/** The calls a run writes with; tests pass ones that fail or dawdle. */
export type Files = Pick<
  typeof fs,
  | "openSync"
  | "writeSync"
  | "readFileSync"
  | "fsync"
  | "ftruncateSync"
  | "closeSync"
  | "renameSync"
  | "mkdirSync"
  | "readdirSync"
  | "rm"
  | "rmSync"
  | "statSync"
  | "statfsSync"
  | "existsSync"
>;

export const nodeFiles: Files = {
  ...fs,
  renameSync: (from, to) => {
    renameFile(from, to);
  },
};

/** Makes a file's or folder's content durable; on another thread, for a disk may take its time. */
export async function syncPath(files: Files, path: string): Promise<void> {
  // Windows cannot open a folder for this; its renames are journalled.
  if (process.platform === "win32" && files.statSync(path).isDirectory()) return;
  const descriptor = files.openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    await syncDescriptor(files, descriptor);
  } finally {
    files.closeSync(descriptor);
  }
}

/** Makes what was written to an open file durable. */
export async function syncDescriptor(files: Files, descriptor: number): Promise<void> {
  await promised((done) => {
    files.fsync(descriptor, done);
  });
}

/** Removes a folder with what is in it, or nothing where there is none; on another thread. */
export async function removeFolder(files: Files, folder: string): Promise<void> {
  await promised((done) => {
    files.rm(folder, { recursive: true, force: true }, done);
  });
}

function promised(call: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** An error of the system as one clear line. */
export function fileError(cause: unknown, path: string, doing: string): AceError {
  if (cause instanceof AceError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOSPC: "the disk is full; free some space and resume",
    EDQUOT: "the disk quota is used up; free some space and resume",
    EFBIG: "the file would be larger than this account or file system allows",
    EIO: "the disk reports an input/output error; check it before going on",
    EACCES: "no permission to write here",
    EPERM: "no permission to write here",
    EROFS: "the file system is read-only",
    ENOTDIR: "a part of its path is a file",
  };
  const known = code === undefined ? undefined : reasons[code];
  const reason = known ?? (cause instanceof Error ? cause.message : String(cause));
  return new AceError("ERR_FILE", `${path}: ${doing} failed: ${reason}`, { cause });
}
