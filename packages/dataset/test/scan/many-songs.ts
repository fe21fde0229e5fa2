import { writeWav } from "@acewright/dataset";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sine } from "../audio/sounds.js";

/**
 * Lays out so many songs of a tenth of a second, a hundred to a folder, each with every kind of sidecar in turn and a
 * row in one table: what a scan of a big library reads, without its audio.
 */
export function layManySongs(root: string, songs: number): void {
  mkdirSync(root, { recursive: true });
  const first = join(root, "first.wav");
  writeWav(first, [sine(800, 8000, 440)], 8000);
  const audio = readFileSync(first);
  rmSync(first);
  const rows = ["File,Artist,Title,BPM,Key,Camelot,caption"];
  for (let n = 0; n < songs; n++) {
    const folder = join(root, `folder-${Math.floor(n / 100)}`);
    if (n % 100 === 0) mkdirSync(folder);
    const stem = `song-${String(n).padStart(5, "0")}`;
    writeFileSync(join(folder, `${stem}.wav`), audio);
    const write = (suffix: string, text: string): void => {
      writeFileSync(join(folder, stem + suffix), text);
    };
    const verse = Array.from({ length: 24 }, (_, line) => `line ${line} of song ${n}`).join("\n");
    if (n % 3 === 0) write(".lyrics.txt", `[Verse]\n${verse}\n`);
    if (n % 3 === 1) write(".txt", `caption: bells ${n}\nbpm: 120\nlyrics:\n${verse}\n`);
    if (n % 3 === 2) write(".lrc", verse.replace(/^/gm, "[00:10.00]"));
    if (n % 2 === 0) write(".caption.txt", `a caption of song ${n}, bells and strings`);
    write(
      ".json",
      JSON.stringify({ caption: `song ${n}`, bpm: 90 + (n % 90), keyscale: "C major", language: "en" }),
    );
    rows.push(`${stem}.wav,Ann,"Song, ${n}",${90 + (n % 90)},A minor,8A,"caption ${n}, from the table"`);
  }
  writeFileSync(join(root, "table.csv"), rows.join("\n"));
}
