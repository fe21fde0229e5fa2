import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../audio/sounds.js";
import { mutations } from "./mutations.js";
import { originals, writeSong } from "./originals.js";
import { ReaderProcess, type Outcome } from "./reader-pool.js";

/** What a file of a few kilobytes may take. */
const longestMs = 5000;
const mostMiB = 1024;

/** How many of each outcome, and what went wrong; a fault's file is kept for a test of its own. */
export interface Hunt {
  read: number;
  refused: number;
  peakMiB: number;
  faults: string[];
}

/**
 * Damages files and reads them in child processes. Input n is the same on every machine with the same formats: its
 * original is chosen by n, its damage seeded by n.
 */
export async function hunt(inputs: readonly number[]): Promise<Hunt> {
  const all = originals();
  const damage = mutations(all.map(({ bytes }) => bytes));
  const folder = mkdtempSync(join(tmpdir(), "acewright-hunt-"));
  const result: Hunt = { read: 0, refused: 0, peakMiB: 0, faults: [] };
  const left = inputs.values();
  const worker = async (): Promise<void> => {
    using reader = new ReaderProcess(longestMs);
    for (const input of left) {
      const original = all[input % all.length];
      if (original === undefined) continue;
      const within = join(folder, String(input));
      mkdirSync(within);
      if (original.reader === "sidecar") writeSong(join(within, "song.wav"));
      const path = join(within, original.name);
      const bytes = damage(original.bytes, seededRandom(input + 1));
      writeFileSync(path, bytes);
      let outcome = await reader.read(original.reader, path);
      // A machine busy with other things is slow once; a file that hangs its reader does so again.
      if (outcome.outcome === "hung") outcome = await reader.read(original.reader, path);
      result.peakMiB = Math.max(result.peakMiB, outcome.peakMiB);
      if (outcome.outcome === "read") result.read++;
      if (outcome.outcome === "refused") result.refused++;
      const fault = faultOf(outcome, within);
      if (fault !== undefined) {
        const kept = join(tmpdir(), `acewright-input-${input}-${original.name}`);
        writeFileSync(kept, bytes);
        result.faults.push(`input ${input}, kept as ${kept}: ${fault}`);
      }
      rmSync(within, { recursive: true });
    }
  };
  try {
    await Promise.all([worker(), worker()]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return result;
}

function faultOf({ outcome, lines, peakMiB }: Outcome, folder: string): string | undefined {
  if (outcome !== "read" && outcome !== "refused") return `${outcome}: ${lines.join()}`;
  if (peakMiB > mostMiB) return `the process grew to ${Math.round(peakMiB)} MiB`;
  if (outcome === "refused" && lines.length !== 1) return "refused in no line";
  const bad = lines.find((line) => !line.includes(folder) || /[\n\r]/.test(line) || line.length > 600);
  return bad === undefined ? undefined : `is no one clear line that names the file: ${JSON.stringify(bad)}`;
}
