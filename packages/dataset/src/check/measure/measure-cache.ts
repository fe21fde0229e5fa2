import { writeFileAtomic } from "@acewright/core-native";
import { mkdirSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { textSha256 } from "../../fingerprint.js";
import { measureVersion, type AudioReport } from "./measure-file.js";

/**
 * Where results of checks are kept: `$XDG_CACHE_HOME/acewright/check`, or `.cache/acewright/check` in the user's home; on
 * Windows below `%LOCALAPPDATA%`. Never beside the songs, which may lie where nobody may write.
 */
export function checkCacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const onWindows = platform === "win32";
  const named = onWindows ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"];
  const usual = onWindows ? join(homedir(), "AppData", "Local") : join(homedir(), ".cache");
  return join(named === undefined || named === "" ? usual : named, "acewright", "check");
}

interface Entry {
  identity: string;
  report: AudioReport;
}

/**
 * Keeps what was measured of each file, one small JSON file for each, under a name made of its path. It holds while the
 * file's size, times and inode and our own measuring stay the same; a changed song overwrites its entry.
 */
export class MeasureCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The report of an unchanged file; undefined for any other, and for an entry that cannot be read. */
  async read(path: string): Promise<AudioReport | undefined> {
    try {
      const [identity, text] = await Promise.all([identityOf(path), readFile(this.#place(path), "utf8")]);
      const entry = JSON.parse(text) as Entry;
      return entry.identity === identity ? entry.report : undefined;
    } catch {
      // No entry, a broken one or no such song: measuring it says what is wrong.
      return undefined;
    }
  }

  /** Keeps a report; `identity` is that of the file before it was measured, so that a change meanwhile is seen. */
  write(path: string, identity: string, report: AudioReport): void {
    const place = this.#place(path);
    mkdirSync(join(place, ".."), { recursive: true });
    const entry: Entry = { identity, report };
    writeFileAtomic(place, JSON.stringify(entry));
  }

  #place(path: string): string {
    const name = textSha256(resolve(path));
    return join(this.#folder, name.slice(0, 2), `${name.slice(2, 34)}.json`);
  }
}

/** What changes when a file does; undefined when it cannot be looked at. */
export async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { size, mtimeNs, ctimeNs, ino, dev } = await stat(path, { bigint: true });
    return [measureVersion, dev, ino, size, mtimeNs, ctimeNs].join(":");
  } catch {
    return undefined;
  }
}
