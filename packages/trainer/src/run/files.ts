import * as fs from "node:fs";
import { AceError } from "@acewright/core-native";

/** The calls a run writes with; tests pass ones that fail or dawdle. */
export type Files = Pick<
  typeof fs,
  | "openSync"
  | "writeSync"
  | "readFileSync"
  | "fsyncSync"
  | "ftruncateSync"
  | "closeSync"
  | "renameSync"
  | "mkdirSync"
  | "readdirSync"
  | "rmSync"
  | "statSync"
  | "statfsSync"
  | "existsSync"
>;

export const nodeFiles: Files = fs;

/** Makes a file's or folder's content durable. */
export function syncPath(files: Files, path: string): void {
  // Windows cannot open a folder for this; its renames are journalled.
  if (process.platform === "win32" && files.statSync(path).isDirectory()) return;
  const descriptor = files.openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    files.fsyncSync(descriptor);
  } finally {
    files.closeSync(descriptor);
  }
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
