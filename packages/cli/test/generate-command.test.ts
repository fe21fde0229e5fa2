import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../src/main.js";
import { toyFolders } from "../src/models/toy.js";
import { recordingTerminal } from "./recording-terminal.js";

const before = process.cwd();
let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "acewright-generate-")));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

async function acewright(...words: readonly string[]) {
  const terminal = recordingTerminal();
  const never = new AbortController().signal;
  const code = await main([...words, "--plain"], { terminal, signal: never, stopNow: never });
  return { code, ...terminal.written };
}

function generate(...words: readonly string[]) {
  return acewright("generate", "-m", toyFolders().checkpoints, "--duration", "1", "--steps", "1", ...words);
}

test("a song whose name nobody chose takes none that is there", { timeout: 60_000 }, async () => {
  expect((await generate("--caption", "bells")).out).toMatch(/: song\.wav\n$/);
  const first = readFileSync("song.wav");
  expect((await generate("--caption", "drums")).out).toMatch(/: song-2\.wav\n$/);
  expect(readFileSync("song.wav").equals(first)).toBe(true);
  expect(readFileSync("song-2.wav").equals(first)).toBe(false);
});

test("a file that was named is written over only where that is said", { timeout: 60_000 }, async () => {
  await generate("--caption", "bells", "-o", "mine.wav");
  const first = readFileSync("mine.wav");
  const refused = await generate("--caption", "drums", "-o", "mine.wav");
  expect(refused).toMatchObject({ code: 2, out: "" });
  expect(refused.err).toContain(
    "mine.wav: exists already; choose another name, or replace it (replace, --replace)",
  );
  expect(readFileSync("mine.wav").equals(first)).toBe(true);
  expect((await generate("--caption", "drums", "-o", "mine.wav", "--replace")).code).toBe(0);
  expect(readFileSync("mine.wav").equals(first)).toBe(false);
});

test("so it is with folders of songs", { timeout: 60_000 }, async () => {
  const both = ["--caption", "bells", "--seeds", "1,2"];
  expect((await generate(...both)).out).toMatch(/^2 songs: songs\n$/);
  expect((await generate(...both)).out).toMatch(/^2 songs: songs-2\n$/);
  const refused = await generate(...both, "-o", "songs");
  expect(refused.code).toBe(2);
  expect(refused.err).toContain("01-bells-seed1.wav: exists already (and 1 more)");
  // Other songs may join them.
  expect((await generate("--caption", "drums", "--seeds", "1", "-o", "songs")).code).toBe(0);
  expect(readdirSync("songs")).toHaveLength(3);
});

test("lyrics of a Windows editor are sung without its marks", { timeout: 60_000 }, async () => {
  writeFileSync("words.txt", "\ufeff[Verse]\r\none\r\n");
  const { out } = await generate("--caption", "bells", "--lyrics-file", "words.txt", "--json");
  expect(JSON.parse(out)).toMatchObject({ settings: { lyrics: "[Verse]\none\n" } });
});

test("a comparison that is there is refused before its run is looked at, or written over where that is said", async () => {
  mkdirSync("heard");
  writeFileSync("heard/index.html", "mine");
  const compare = (...words: readonly string[]) =>
    acewright("compare", "no-run", "--caption", "bells", ...words);
  const refused = await compare("-o", "heard");
  expect(refused).toMatchObject({ code: 2, out: "" });
  expect(refused.err).toContain("index.html: exists already; choose another name, or replace it");
  for (const words of [["-o", "heard", "--replace"], ["-o", "new"], []])
    expect((await compare(...words)).err).toContain("no-run");
  expect(readdirSync("heard")).toEqual(["index.html"]);
});
