import { AceError, writeFileAtomic } from "@acewright/core-native";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { hashOf } from "./download-file.js";
import type { HubFile } from "./hub-listing.js";

/** Stands in a downloaded folder: what its files were when they came, by the server's own word. */
export const pinName = ".acewright-hashes.json";

const Pins = z.strictObject({
  repo: z.string(),
  revision: z.string(),
  files: z.record(
    z.string(),
    z.strictObject({ size: z.int().min(0), kind: z.enum(["sha256", "git-sha1"]), hex: z.string() }),
  ),
});
export type Pins = z.infer<typeof Pins>;

const mostBytes = 16 << 20;

/** @throws {AceError} ERR_FILE for a file that is not ours any more. */
export function readPins(folder: string): Pins | undefined {
  const path = join(folder, pinName);
  if (!existsSync(path)) return undefined;
  try {
    if (statSync(path).size > mostBytes) throw new Error("too large");
    return Pins.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw new AceError(
      "ERR_FILE",
      `${path}: is damaged; remove it, and the files are compared with the server again`,
      { cause },
    );
  }
}

/** Adds what has just come; earlier pins stay. */
export function writePins(
  folder: string,
  repo: string,
  revision: string,
  files: ReadonlyMap<string, HubFile>,
): void {
  const before = readPins(folder)?.files ?? {};
  const now = [...files].map(([name, { size, hash }]) => [name, { size, ...hash }] as const);
  const pins: Pins = { repo, revision, files: { ...before, ...Object.fromEntries(now) } };
  writeFileAtomic(join(folder, pinName), `${JSON.stringify(pins, null, 2)}\n`);
}

/**
 * Reads every pinned file and compares.
 *
 * @returns one line a file that is missing or another one now; undefined where nothing is pinned
 */
export async function checkPins(
  folder: string,
  onFile?: (name: string) => void,
): Promise<string[] | undefined> {
  const pins = readPins(folder);
  if (pins === undefined) return undefined;
  const problems: string[] = [];
  for (const [name, { size, kind, hex }] of Object.entries(pins.files)) {
    const path = join(folder, name);
    const there = statSync(path, { throwIfNoEntry: false })?.size;
    if (there === undefined) problems.push(`${name} is missing`);
    else if (there !== size) problems.push(`${name} has ${there} bytes, ${size} came from ${pins.repo}`);
    else if ((await hashOf(path, { size, hash: { kind, hex } })) !== hex)
      problems.push(`${name} has changed since it came from ${pins.repo}`);
    onFile?.(name);
  }
  return problems;
}
