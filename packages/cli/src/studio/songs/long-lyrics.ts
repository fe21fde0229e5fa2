import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "@acewright/core-native";
import type { Workspace } from "../workspace.js";

/** A command line holds 32 KiB on Windows, and other words stand beside. */
const mostBytes = 8 * 2 ** 10;

/** The same words, with lyrics that no command line would hold in a file of the workspace. */
export function withLyricsFile(words: readonly string[], { folder }: Workspace): string[] {
  return words.flatMap((word, i) => {
    if (word === "--lyrics" && isLong(words[i + 1] ?? "")) return [];
    const lyrics = words[i - 1] === "--lyrics" ? word : /^--lyrics=(.*)$/s.exec(word)?.[1];
    if (lyrics === undefined || !isLong(lyrics)) return [word];
    const bytes = Buffer.from(lyrics);
    const name = `${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}.txt`;
    mkdirSync(join(folder, ".acewright", "lyrics"), { recursive: true });
    writeFileAtomic(join(folder, ".acewright", "lyrics", name), bytes);
    return ["--lyrics-file", `.acewright/lyrics/${name}`];
  });
}

function isLong(text: string): boolean {
  return Buffer.byteLength(text) > mostBytes;
}
