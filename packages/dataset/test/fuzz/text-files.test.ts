import { AceError } from "@acewright/core-native";
import { cleanLrc, cleanLyricsFiles, scanFolder, writeWav } from "@acewright/dataset";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDataset } from "../../src/dataset-file/load-dataset.js";
import { parseFinderCsv } from "../../src/scan/finder-csv.js";
import { seededRandom, sine } from "../audio/sounds.js";
import { join as joined } from "../audio/wave-files.js";
import { id3, withComments } from "../scan/tagged-files.js";
import { mutationRounds, mutations } from "./mutations.js";

/** Text is quick to read: several damages in the time of one song. */
const rounds = mutationRounds * 4;
/** No file of a few kilobytes may take longer. */
const longestMs = 5000;

const csv = `sep=,\nFile,Artist,BPM,Key,Camelot,caption\n"a, b.wav",Ann,"120,5",A minor,8A,"bells, ""live""\nslow"\nsong.wav,x,99,8A,,y\n`;
const lrc =
  "[ti:Bells]\n[offset:+500]\n[Verse]\n[00:01.00][01:02:03.50]la <00:01.20> la\n[00:02,5]字<00:02.70>字\n[100:00]\n";
const sideStep =
  "caption: bells\n  and strings\nbpm: 120\nsignature: 4/4\nrepeat: 2\nlyrics:\n[Verse]\n[00:01.00]la\n";
const songJson = JSON.stringify({
  caption: "bells",
  bpm: 120.5,
  keyscale: "A minor",
  timesignature: "4/4",
  language: "en",
});
const sample = {
  id: "1",
  audio_path: "song.wav",
  caption: "bells \u00e9\u{1f514}",
  bpm: 120,
  lyrics: "la\nlu",
  own: [1, { deep: null }],
};
const dataset = JSON.stringify(
  { metadata: { name: "x", genre_ratio: 30 }, samples: [sample, sample] },
  null,
  2,
);

const texts = [csv, lrc, sideStep, songJson, dataset].map((text) => Buffer.from(text));
const damage = mutations(texts);

/** Damaged texts, the same on every machine. */
function* damaged(text: string, count = rounds): Generator<string> {
  const random = seededRandom(text.length * 7919 + 1);
  for (let round = 0; round < count; round++)
    yield Buffer.from(damage(Buffer.from(text), random)).toString("utf8");
}

/** Runs it and fails when it takes too long; the text is told, so that it can become a test of its own. */
async function timed<Result>(text: string, work: () => Result | Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  const result = await work();
  const tookMs = performance.now() - startMs;
  if (tookMs > longestMs) throw new Error(`${Math.round(tookMs)} ms for ${JSON.stringify(text)}`);
  return result;
}

function expectOneLine(message: string): void {
  expect(message).not.toMatch(/[\n\r]/);
  expect(message.length).toBeLessThan(600);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-fuzz-"));
  writeWav(join(folder, "song.wav"), [sine(800, 8000, 440)], 8000);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("a damaged text", () => {
  it("of a table is read or refused in one line", async () => {
    let [read, refused] = [0, 0];
    for (const text of damaged(csv)) {
      const parsed = await timed(text, () => parseFinderCsv(text));
      if (typeof parsed === "string") {
        refused++;
        expectOneLine(parsed);
      } else {
        read++;
        for (const row of parsed.rows) expect(row.bpm).toMatch(/^(?:\d+(?:\.\d+)?)?$/);
        for (const line of parsed.warnings) expectOneLine(line);
      }
    }
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("of a dataset is read or refused in one line that begins with the file", async () => {
    let [read, refused] = [0, 0];
    for (const text of damaged(dataset)) {
      try {
        const { dataset: parsed } = await timed(text, () => parseDataset(text, "dataset.json"));
        expect(parseDataset(JSON.stringify(parsed), "again").dataset).toEqual(parsed);
        read++;
      } catch (error) {
        if (!(error instanceof AceError)) throw error;
        expect([error.code, error.message.slice(0, 14)]).toEqual(["ERR_FILE", "dataset.json: "]);
        expectOneLine(error.message);
        refused++;
      }
    }
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("of lyrics is read, with times in order", async () => {
    for (const text of damaged(lrc)) {
      const cleaned = await timed(text, () => cleanLrc(text));
      const starts = cleaned?.lines.map(({ start_s }) => start_s) ?? [];
      expect(starts.every((start) => Number.isFinite(start) && start >= 0)).toBe(true);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
    }
  });

  it(
    "beside a song costs warnings of one line that name the file, never the song",
    { timeout: 300_000 },
    async () => {
      const sources = { "table.csv": csv, "song.lrc": lrc, "song.txt": sideStep, "song.json": songJson };
      const damages = Object.entries(sources).map(
        ([name, text]) => [name, [...damaged(text, mutationRounds)]] as const,
      );
      for (let round = 0; round < mutationRounds; round++) {
        const texts = damages.map(([name, copies]) => [name, copies[round] ?? ""] as const);
        for (const [name, text] of texts) writeFileSync(join(folder, name), text);
        const { dataset: scanned, report } = await timed(JSON.stringify(texts), () => scanFolder(folder));
        expect(scanned.samples.length).toBe(1);
        for (const line of report.warnings) {
          expectOneLine(line);
          expect(line.startsWith(folder), line).toBe(true);
        }
        const cleaned = await timed(JSON.stringify(texts), () => cleanLyricsFiles(folder, { dryRun: true }));
        cleaned.warnings.forEach(expectOneLine);
      }
    },
  );
});

describe("damaged tags", () => {
  const audio = (name: string): Uint8Array =>
    readFileSync(fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url)));
  const frames = { TIT2: "Bells", TPE1: "Ann", TBPM: "128", TKEY: "F#m", USLT: lrc };
  const comments = ["TITLE=Bells", "artist=Ann", "BPM=128", `LYRICS=${lrc}`];

  it.each([
    ["song.mp3", joined(id3(frames), audio("sweep-no-tag.mp3"))],
    ["song.flac", withComments(audio("sweep-16.flac"), comments)],
    ["song.ogg", audio("sweep-44100.ogg")],
  ])(
    "of %s are read or told, or the song is skipped with a reason",
    { timeout: 300_000 },
    async (name, original) => {
      const within = mkdtempSync(join(folder, "tags-"));
      const random = seededRandom(name.length + original.length);
      const damageTags = mutations();
      for (let round = 0; round < mutationRounds; round++) {
        writeFileSync(join(within, name), damageTags(original, random));
        const { dataset: scanned, report } = await timed(`${name} round ${round}`, () => scanFolder(within));
        expect(scanned.samples.length + report.skipped.length).toBe(1);
        [...report.warnings, ...report.skipped.map(({ reason }) => reason)].forEach(expectOneLine);
      }
      expect(process.memoryUsage().rss).toBeLessThan(2 ** 30);
    },
  );
});
