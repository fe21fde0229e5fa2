import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { analysisQueue, analyzeDataset, Dataset, storedAnalysis, writeWav } from "@acewright/dataset";
import { playSmallSong } from "./small-songs.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-analysis-"));
  [
    { bpm: 100, tonic: 0 },
    { bpm: 120, tonic: 7 },
  ].forEach((song, i) => {
    const { channels, sampleRateHz } = playSmallSong({ ...song, mode: "major", metre: 4 });
    writeWav(join(folder, `${i}.wav`), channels, sampleRateHz);
  });
  writeFileSync(join(folder, "broken.wav"), "no song at all");
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const dataset = (...samples: object[]) => Dataset.parse({ metadata: {}, samples });
const song = (i: number, more: object = {}) => ({
  id: String(i),
  filename: `${i}.wav`,
  audio_path: `${i}.wav`,
  ...more,
});

test("fills in what is missing and keeps what the user has, and shows where they disagree", async () => {
  const given = dataset(song(0), song(1, { bpm: 99, keyscale: "E minor" }));
  const before = structuredClone(given);
  const { dataset: filled, changes, toCheck } = await analyzeDataset(given, { folder });
  expect(given).toEqual(before);
  expect(filled.samples[0]).toMatchObject({ bpm: 100, keyscale: "C major", timesignature: "4" });
  expect(filled.samples[1]).toMatchObject({ bpm: 99, keyscale: "E minor", timesignature: "4" });
  expect(changes.filter(({ key }) => key !== "acewright").length).toBe(4);
  const disagreements = toCheck.filter(({ reason }) => reason === "disagrees");
  expect(disagreements).toMatchObject([
    { sample: 1, field: "bpm", value: 99, heard: 120 },
    { sample: 1, field: "keyscale", value: "E minor", heard: "G major" },
  ]);
  expect(storedAnalysis(filled.samples[0] as never)?.filled).toEqual(["bpm", "keyscale", "timesignature"]);
});

test("an enharmonic key and a tempo 1 bpm away are no disagreement", async () => {
  const { toCheck } = await analyzeDataset(
    dataset(song(1, { bpm: 121, keyscale: "G Major", timesignature: "4/4" })),
    { folder },
  );
  expect(toCheck.filter(({ reason }) => reason === "disagrees")).toEqual([]);
});

test("overwrite replaces the user's values, but not by what is not sure enough", async () => {
  const given = dataset(song(1, { bpm: 99, keyscale: "E minor" }));
  const { dataset: replaced } = await analyzeDataset(given, { folder, overwrite: true });
  expect(replaced.samples[0]).toMatchObject({ bpm: 120, keyscale: "G major" });
  const { dataset: kept } = await analyzeDataset(given, { folder, overwrite: true, minConfidence: 1 });
  expect(kept.samples[0]).toMatchObject({ bpm: 99, keyscale: "E minor" });
});

test("a second run listens to nothing, unless the file changed or it is told to", async () => {
  const first = await analyzeDataset(dataset(song(0)), { folder });
  const second = await analyzeDataset(first.dataset, { folder });
  expect(second.songs).toMatchObject([{ outcome: "kept" }]);
  expect(second.changes).toEqual([]);
  const again = await analyzeDataset(first.dataset, { folder, again: true });
  expect(again.songs).toMatchObject([{ outcome: "analyzed" }]);
  expect(again.changes).toEqual([]);
  const moved = structuredClone(first.dataset);
  Object.assign(moved.samples[0] as object, { audio_path: "1.wav" });
  const changed = await analyzeDataset(moved, { folder });
  expect(changed.dataset.samples[0]).toMatchObject({ bpm: 120, keyscale: "G major" });
});

test("what the user edits after an analysis is the user's", async () => {
  const { dataset: filled } = await analyzeDataset(dataset(song(0)), { folder });
  Object.assign(filled.samples[0] as object, { bpm: 50 });
  const { dataset: again, toCheck } = await analyzeDataset(filled, { folder, again: true });
  expect(again.samples[0]?.bpm).toBe(50);
  expect(toCheck).toMatchObject([{ field: "bpm", value: 50, heard: 100, reason: "disagrees" }]);
  expect(analysisQueue(again)).toEqual(toCheck);
});

test("songs that cannot be read or are missing are reported, the others done", async () => {
  const broken = { filename: "broken.wav", audio_path: "broken.wav" };
  const missing = { filename: "missing.wav", audio_path: "missing.wav" };
  const { songs, dataset: filled } = await analyzeDataset(dataset(broken, missing, song(0)), { folder });
  expect(songs.map(({ outcome }) => outcome)).toEqual(["failed", "failed", "analyzed"]);
  expect(songs[0]?.error).toMatch(/broken\.wav/);
  expect(songs[1]?.error).toMatch(/missing\.wav: there is no such file/);
  expect(filled.samples[0]?.["acewright"]).toBeUndefined();
});

test("an abort rejects, and what was heard by then has been handed over", async () => {
  const controller = new AbortController();
  let kept: unknown;
  const run = analyzeDataset(dataset(song(0), song(1), song(0), song(1)), {
    folder,
    threads: 1,
    signal: controller.signal,
    onSong: (soFar) => {
      kept = soFar.samples[0]?.bpm;
      controller.abort();
    },
  });
  await expect(run).rejects.toMatchObject({ name: "AbortError" });
  expect(kept).toBe(100);
});

test.each([
  [{ minConfidence: 2 }, /minConfidence/],
  [{ threads: 0 }, /threads/],
  [{ where: ["bpm>>1"] }, /filter/],
])("refuses %o", async (options, message) => {
  await expect(analyzeDataset(dataset(song(0)), { folder, ...options })).rejects.toThrow(message);
});
