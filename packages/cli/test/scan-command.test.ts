import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../src/main.js";
import { toyFolders } from "../src/models/toy.js";
import { recordingTerminal } from "./recording-terminal.js";

const songs = 40;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-scan-"));
  mkdirSync(join(folder, "songs"));
  const from = toyFolders().songs;
  const song = readdirSync(from).find((name) => name.endsWith(".ogg")) ?? "";
  for (let n = 0; n < songs; n++) cpSync(join(from, song), join(folder, "songs", `${n}.ogg`));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Scans where a bar is drawn, and interrupts when the bar says `stopAt`. */
async function scanUntil(stopAt?: string) {
  const stop = new AbortController();
  const terminal = recordingTerminal({ columns: 120, interactive: true });
  const heard = {
    ...terminal,
    err: (text: string) => {
      terminal.err(text);
      if (stopAt !== undefined && text.includes(stopAt)) stop.abort();
    },
  };
  const args = ["dataset", "scan", join(folder, "songs"), "-o", join(folder, "dataset.json")];
  const never = new AbortController().signal;
  const code = await main(args, { terminal: heard, signal: stop.signal, stopNow: never });
  return { code, err: terminal.written.err };
}

test("a scan draws how far it is", async () => {
  const { code, err } = await scanUntil();
  expect(code).toBe(0);
  const drawn = [...err.matchAll(/ (\d+)\/40 /g)].map(([, done]) => Number(done));
  expect(drawn.length).toBeGreaterThan(1);
  expect(drawn.at(-1)).toBe(songs);
  expect(drawn).toEqual(drawn.toSorted((a, b) => a - b));
});

test.each(["1/40", "40/40"])("Ctrl-C at song %s ends a scan with 130, and nothing is written", async (at) => {
  const { code, err } = await scanUntil(` ${at} `);
  expect(code).toBe(130);
  expect(err).not.toContain("written");
  expect(readdirSync(folder)).toEqual(["songs"]);
});
