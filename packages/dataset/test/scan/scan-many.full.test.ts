import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { layManySongs } from "./many-songs.js";

const songs = 10_000;
/** What the scan of a library may take of a small machine. */
const mostMiB = 400;

test("a folder of 10,000 songs scans in little memory", { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "acewright-many-"));
  try {
    layManySongs(join(folder, "songs"), songs);
    const program = fileURLToPath(new URL("scan-process.mjs", import.meta.url));
    const args = [program, join(folder, "songs"), join(folder, "dataset.json")];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const figures = JSON.parse(stdout) as Record<string, number>;
    // Time depends on the machine and is printed, not asserted.
    console.log(`${songs} songs: ${stdout.trim()}`);
    expect(figures).toMatchObject({ songs, matched: songs, warnings: 0 });
    expect(figures["peakMiB"]).toBeLessThan(mostMiB);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
