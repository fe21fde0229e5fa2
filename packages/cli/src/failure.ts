import { AceError } from "@acewright/core-native";
import { CommanderError } from "commander";

/** What the shell is told. */
export const exitCodes = { done: 0, ours: 1, input: 2, interrupted: 130 } as const;

/** An error as the command line shows it. */
export interface Failure {
  readonly exitCode: number;
  /** Stable name for scripts: an AceError's code, `USAGE`, `INTERRUPTED`, or the system's errno name. */
  readonly code: string;
  /** One line without a line break. */
  readonly message: string;
}

/** The machine refused, not we: said with what usually mends it. */
const systemRefusals: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space or choose another folder",
  EDQUOT: "the disk quota is used up; free some space or choose another folder",
  EACCES: "permission denied; check the owner and the mode of the path",
  EPERM: "operation not permitted; check the owner and the mode of the path",
  EROFS: "the file system is read-only; choose another folder",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is a file, a folder was expected",
  EISDIR: "is a folder, a file was expected",
  EEXIST: "exists already",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
  ENAMETOOLONG: "the name is too long for this file system",
};

/** Turns whatever was thrown into one line and an exit code. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return usageFailure(error);
  if (isAbort(error)) {
    return { exitCode: exitCodes.interrupted, code: "INTERRUPTED", message: "interrupted" };
  }
  if (error instanceof AceError) {
    const exitCode = error.isUserError ? exitCodes.input : exitCodes.ours;
    return { exitCode, code: error.code, message: oneLine(error.message) };
  }
  const system = systemRefusal(error);
  if (system !== undefined) return system;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = "this is a fault of ours; ACEWRIGHT_DEBUG=1 shows where";
  return { exitCode: exitCodes.ours, code: "ERR_INTERNAL", message: oneLine(`${text} (${hint})`) };
}

function usageFailure(error: CommanderError): Failure {
  // Help and version arrive here too, with 0.
  const exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.input;
  return { exitCode, code: "USAGE", message: oneLine(error.message.replace(/^error: /, "")) };
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "AbortError" || (error as NodeJS.ErrnoException).code === "ABORT_ERR")
  );
}

function systemRefusal(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  const meaning = code === undefined ? undefined : systemRefusals[code];
  if (code === undefined || meaning === undefined) return undefined;
  return {
    exitCode: exitCodes.input,
    code,
    message: oneLine(path === undefined ? meaning : `${path}: ${meaning}`),
  };
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
