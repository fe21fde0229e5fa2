import {
  editDataset,
  keptChanges,
  loadDataset,
  redoChange,
  saveDataset,
  undoChange,
} from "@acewright/dataset";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { datasetOf } from "./datasets.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-backup-"));
  path = join(folder, "dataset.json");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function bpm(): Promise<unknown> {
  return (await loadDataset(path, { missingAudio: "keep" })).dataset.samples[0]?.bpm;
}

async function setBpm(value: number): Promise<void> {
  const { dataset } = await loadDataset(path, { missingAudio: "keep" });
  saveDataset(path, editDataset(dataset, { set: { bpm: value } }).dataset);
}

test("what a save overwrites is kept byte for byte, and an unchanged file is not written", () => {
  const dataset = datasetOf([{ bpm: 60 }]);
  saveDataset(path, dataset);
  expect(readdirSync(folder)).toEqual(["dataset.json"]);
  saveDataset(path, dataset);
  expect(readdirSync(folder)).toEqual(["dataset.json"]);
  const byHand = '[{"audio_path": "x.wav"}]  \n';
  writeFileSync(path, byHand);
  saveDataset(path, dataset);
  expect(readFileSync(`${path}.bak`, "utf8")).toBe(byHand);
});

test("changes are undone one by one, and the last undo can be taken back", async () => {
  saveDataset(path, datasetOf([{ bpm: 60 }]));
  for (const value of [61, 62, 63]) await setBpm(value);
  expect(undoChange(path)).toEqual({ path, undone: `${path}.undone`, left: 2 });
  expect(await bpm()).toBe(62);
  undoChange(path);
  expect(await bpm()).toBe(61);
  redoChange(path);
  expect(await bpm()).toBe(62);
  undoChange(path);
  undoChange(path);
  expect(await bpm()).toBe(60);
  expect(() => undoChange(path)).toThrow(
    /dataset\.json: there is no .*dataset\.json\.bak, so nothing can be undone/,
  );
  await setBpm(70);
  expect(() => redoChange(path)).toThrow(/so no undo can be taken back/);
});

test("how many changes can be undone is told, and whether the last undo can be taken back", async () => {
  expect(keptChanges(path)).toEqual({ undo: 0, redo: false });
  saveDataset(path, datasetOf([{ bpm: 60 }]));
  for (const value of [61, 62]) await setBpm(value);
  expect(keptChanges(path)).toEqual({ undo: 2, redo: false });
  undoChange(path);
  expect(keptChanges(path)).toEqual({ undo: 1, redo: true });
  redoChange(path);
  expect(keptChanges(path)).toEqual({ undo: 2, redo: false });
});

test("five former contents are kept", async () => {
  saveDataset(path, datasetOf([{ bpm: 60 }]));
  for (let value = 61; value <= 70; value++) await setBpm(value);
  expect(readdirSync(folder).length).toBe(6);
  for (let step = 0; step < 5; step++) undoChange(path);
  expect(await bpm()).toBe(65);
  expect(existsSync(`${path}.bak`)).toBe(false);
});

test("a file that was deleted comes back, and the backups left stand where the next undo is told to look", async () => {
  saveDataset(path, datasetOf([{ bpm: 60 }]));
  for (const value of [61, 62, 63]) await setBpm(value);
  rmSync(path);
  undoChange(path);
  expect(await bpm()).toBe(62);
  expect(readdirSync(folder).sort()).toEqual(["dataset.json", "dataset.json.bak", "dataset.json.bak.2"]);
});

test("the later of two saves that are one change keeps no backup, and a name in capitals gets no second ending", () => {
  saveDataset(path, datasetOf([{ bpm: 60 }]));
  saveDataset(path, datasetOf([{ bpm: 61 }]));
  saveDataset(path, datasetOf([{ bpm: 62 }]), { backup: false });
  expect(undoChange(path)).toMatchObject({ left: 0 });
  expect(readFileSync(path, "utf8")).toContain('"bpm": 60');
  const capital = join(folder, "OTHER.JSON");
  expect(saveDataset(capital, datasetOf([]))).toBe(capital);
});
