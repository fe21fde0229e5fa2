import { nodeFiles, type Files } from "./files.js";

/** When a process began, as its system tells; null where it does not. Two processes of one number differ in it. */
export function processStart(pid: number, files: Pick<Files, "readFileSync"> = nodeFiles): string | null {
  if (process.platform !== "linux") return null;
  try {
    // The name in parentheses may hold blanks; the start time is the 20th field after it.
    const stat = files.readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
