import { advice } from "@acewright/core-native";

/** The machine refused, not we: said with what usually mends it. */
export const systemRefusals: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space or choose another folder",
  EDQUOT: "the disk quota is used up; free some space or choose another folder",
  EACCES: "permission denied; check the owner and the mode of the path",
  EPERM: "operation not permitted; check the owner and the mode of the path",
  EROFS: "the file system is read-only; choose another folder",
  ENOENT: "no such file or folder",
  ENOTDIR: "is a file, or lies below one; a folder was expected",
  EISDIR: "is a folder, a file was expected",
  EEXIST: "exists already",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
  ENAMETOOLONG: "the name is too long for this file system",
};

/** Codes of the command line's own, with what they mean and what mends them. */
export const ownCodes: Readonly<Record<string, { readonly meaning: string; readonly advice: string }>> = {
  USAGE: {
    meaning: "The words of the command line are not understood.",
    advice: "`acewright COMMAND --help` shows flags, arguments and examples.",
  },
  INTERRUPTED: {
    meaning: "Stopped by Ctrl-C or a signal; what was done is kept.",
    advice: "The same command goes on where it was; a training goes on with `acewright train --resume RUN`.",
  },
};

/** What usually mends errors of a code; for the system's own codes that is their meaning. */
export function adviceFor(code: string): string {
  const known: Readonly<Record<string, string>> = advice;
  return ownCodes[code]?.advice ?? known[code] ?? systemRefusals[code] ?? "";
}
