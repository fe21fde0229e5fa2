import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Memory (MiB) of a process that checks so many songs: most while the first tenth was done, most of all, the difference. */
export async function memoryOfCheck(
  songs: number,
  seconds: number,
): Promise<{ early: number; most: number; grown: number; checkS: number; findings: number }> {
  const folder = mkdtempSync(join(tmpdir(), "acewright-check-many-"));
  try {
    const program = fileURLToPath(new URL("check-process.mjs", import.meta.url));
    const args = [program, folder, String(songs), String(seconds)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Awaited<ReturnType<typeof memoryOfCheck>>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
