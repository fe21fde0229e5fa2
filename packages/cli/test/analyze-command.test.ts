import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../src/main.js";
import { toyFolders } from "../src/models/toy.js";
import { recordingTerminal } from "./recording-terminal.js";

let songs: string;
let file: string;
beforeEach(() => {
  songs = mkdtempSync(join(tmpdir(), "acewright-analyze-"));
  cpSync(toyFolders().songs, songs, { recursive: true });
  file = join(songs, "dataset.json");
});
afterEach(() => {
  rmSync(songs, { recursive: true });
});

async function run(
  args: string[],
  stop = new AbortController(),
  onOut: (text: string) => void = () => undefined,
) {
  const terminal = recordingTerminal({ columns: 160 });
  const out = (text: string) => {
    terminal.out(text);
    onOut(text);
  };
  const spied = { ...terminal, out };
  const code = await main(["dataset", "analyze", ...args], {
    terminal: spied,
    signal: stop.signal,
    stopNow: new AbortController().signal,
  });
  return { code, ...terminal.written };
}

interface Sample {
  bpm: number | null;
  timesignature: string;
  acewright?: { analysis?: { filled: string[] } };
}
const samples = () => (JSON.parse(readFileSync(file, "utf8")) as { samples: Sample[] }).samples;
const analysed = () => samples().filter(({ acewright }) => acewright?.analysis !== undefined).length;

test("a folder is scanned and heard; the second time nothing is left to do", async () => {
  const first = await run([songs]);
  expect(first).toMatchObject({ code: 0 });
  expect(first.out).toMatch(/# +song +bpm +sure +or +key/);
  expect(analysed()).toBe(samples().length);
  const before = readFileSync(file, "utf8");
  const second = await run([songs, "--json"]);
  const done = JSON.parse(second.out.trim().split("\n").at(-1) ?? "") as {
    written: boolean;
    songs: { outcome: string }[];
  };
  expect(done.written).toBe(false);
  expect(new Set(done.songs.map(({ outcome }) => outcome))).toEqual(new Set(["kept"]));
  expect(readFileSync(file, "utf8")).toBe(before);
  expect(await run([file, "--queue", "--check-below", "1"])).toMatchObject({ code: 0 });
});

test("a dry run writes nothing, not even a scan", async () => {
  const rehearsed = await run([songs, "--dry-run"]);
  expect(rehearsed).toMatchObject({ code: 0 });
  expect(rehearsed.out).toMatch(/nothing written \(--dry-run\)/);
  expect(() => readFileSync(file)).toThrow(/ENOENT/);
});

test("interrupted, it keeps what it heard, ends with 130, and goes on where it was", async () => {
  const stop = new AbortController();
  const interrupted = await run([songs, "--json", "--threads", "1"], stop, (text) => {
    if (text.includes('"type":"song"')) stop.abort();
  });
  expect(interrupted.code).toBe(130);
  const before = analysed();
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(samples().length);
  expect(await run([songs])).toMatchObject({ code: 0 });
  expect(analysed()).toBe(samples().length);
});

test("what a person writes into the file while songs are heard stays", async () => {
  await run([songs]);
  const unheard = JSON.parse(readFileSync(file, "utf8")) as { samples: (Sample & { caption: string })[] };
  for (const sample of unheard.samples) {
    Reflect.deleteProperty(sample, "acewright");
    sample.bpm = null;
  }
  writeFileSync(file, JSON.stringify(unheard));
  let isEdited = false;
  const { code } = await run([file, "--json", "--threads", "1"], undefined, (text) => {
    if (isEdited || !text.includes('"type":"song"')) return;
    isEdited = true;
    for (const sample of unheard.samples) sample.caption = "by hand";
    writeFileSync(file, JSON.stringify(unheard));
  });
  expect([code, isEdited]).toEqual([0, true]);
  expect(analysed()).toBe(samples().length);
  expect(samples().map((sample) => (sample as Sample & { caption: string }).caption)).toEqual(
    samples().map(() => "by hand"),
  );
});

test("a song that cannot be read is named, the others are done, and the exit code is 2", async () => {
  await run([songs]);
  const [first] = samples() as unknown as { audio_path: string }[];
  writeFileSync(first?.audio_path ?? "", "no song");
  const broken = await run([songs, "--again"]);
  expect(broken.code).toBe(2);
  expect(broken.err).toMatch(/1 songs could not be analysed/);
});
