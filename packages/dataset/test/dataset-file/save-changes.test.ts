import { saveChanges } from "@acewright/dataset";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withChanges } from "../../src/dataset-file/save-changes.js";
import { datasetOf } from "./datasets.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-changes-"));
  path = join(folder, "dataset.json");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const before = [
  { audio_path: "a.wav", caption: "a", bpm: null },
  { audio_path: "b.wav", caption: "b", bpm: null, acewright: { title: "t" } },
];

test("what a work changed is put over what somebody else changed meanwhile", () => {
  const now = datasetOf([{ ...before[0], caption: "by hand" }, before[1] ?? {}], { name: "by hand" });
  const after = datasetOf([
    { ...before[0], bpm: 90 },
    { ...before[1], bpm: 120 },
  ]);
  const { metadata, samples } = withChanges(now, datasetOf(before), after);
  expect(samples.map(({ caption, bpm }) => [caption, bpm])).toEqual([
    ["by hand", 90],
    ["b", 120],
  ]);
  expect(metadata.name).toBe("by hand");
});

test("where both changed a value, the person's stays, and what the work adds beside it comes too", () => {
  const now = datasetOf([
    { ...before[0], bpm: 100 },
    { ...before[1], acewright: { title: "mine" } },
  ]);
  const after = datasetOf([
    { ...before[0], bpm: 90 },
    { ...before[1], acewright: { title: "theirs", analysis: 1 } },
  ]);
  const { samples } = withChanges(now, datasetOf(before), after);
  expect(samples[0]?.bpm).toBe(100);
  expect(samples[1]?.["acewright"]).toEqual({ title: "mine", analysis: 1 });
});

test("songs are followed to their new places; songs that are gone do not come back", () => {
  const now = datasetOf([{ audio_path: "new.wav" }, before[0] ?? {}]);
  const after = datasetOf([
    { ...before[0], bpm: 90 },
    { ...before[1], bpm: 120 },
  ]);
  expect(
    withChanges(now, datasetOf(before), after).samples.map(({ audio_path, bpm }) => [audio_path, bpm]),
  ).toEqual([
    ["new.wav", null],
    ["a.wav", 90],
  ]);
});

test("a value that the work took away goes, unless somebody wrote another", () => {
  const old = datasetOf([{ audio_path: "a.wav", x: 1, y: 1 }]);
  const now = datasetOf([{ audio_path: "a.wav", x: 1, y: 2 }]);
  const [sample] = withChanges(now, old, datasetOf([{ audio_path: "a.wav" }])).samples;
  expect(sample).not.toHaveProperty("x");
  expect(sample).toHaveProperty("y", 2);
});

test("a file is saved again and again as a work goes on, and read each time", () => {
  const read = datasetOf(before);
  const after = (bpm: number) => datasetOf([{ ...before[0], bpm }, before[1] ?? {}]);
  saveChanges(path, read, after(90));
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"caption": "b"', '"caption": "by hand"'));
  saveChanges(
    path,
    read,
    datasetOf([
      { ...before[0], bpm: 90 },
      { ...before[1], bpm: 60 },
    ]),
    { backup: false },
  );
  const { samples } = JSON.parse(readFileSync(path, "utf8")) as { samples: object[] };
  expect(samples).toMatchObject([{ bpm: 90 }, { caption: "by hand", bpm: 60 }]);
  writeFileSync(path, "broken");
  expect(() => saveChanges(path, read, after(1))).toThrow(/line 1, column 1/);
  expect(readFileSync(path, "utf8")).toBe("broken");
});
