import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeWav } from "../../src/audio/write-wav.js";
import { loadDataset } from "../../src/dataset-file/load-dataset.js";
import type { PreprocessSettings } from "../../src/preprocess/settings.js";
import { parsePreprocessSettings } from "../../src/preprocess/settings.js";
import type { SongWork } from "../../src/preprocess/song-work.js";
import { songWorks } from "../../src/preprocess/song-work.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-works-"));
  const wave = new Float32Array(3 * 8000).fill(0.1);
  writeWav(join(folder, "a.wav"), [wave], 8000);
  writeFileSync(join(folder, "unknown.wav"), "no audio at all");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function works(
  samples: readonly object[],
  settings: Partial<PreprocessSettings> = {},
  metadata: object = {},
): Promise<SongWork[]> {
  const path = join(folder, "dataset.json");
  writeFileSync(path, JSON.stringify({ metadata, samples }));
  const { dataset, songs } = await loadDataset(path, { missingAudio: "keep" });
  return (await songWorks(dataset, songs, parsePreprocessSettings(settings))).works;
}

test("a song's length is its header's, else the dataset's, and what is kept of it is expected", async () => {
  const all = [
    { id: "a", audio_path: "a.wav", duration: 99 },
    { id: "u", audio_path: "unknown.wav", duration: 7 },
    { id: "g", audio_path: "gone.wav", duration: 7 },
  ];
  const lengths = (made: readonly SongWork[]): number[][] =>
    made.map(({ expectedS, songS }) => [expectedS, songS]);
  expect(lengths(await works(all))).toEqual([[3, 3], [7, 7], [0, 0]]); // prettier-ignore
  expect(lengths(await works(all, { maxDurationS: 5 }))).toEqual([[3, 3], [5, 5], [0, 0]]); // prettier-ignore
  expect(lengths(await works(all, { maxDurationS: 0 }))).toEqual([[3, 3], [7, 7], [0, 0]]); // prettier-ignore
});

test("a caption that stands twice is encoded once, and only texts count", async () => {
  const captions = ["bells", "chimes", 5, "chimes"];
  const [work] = await works([{ id: "a", audio_path: "a.wav", caption: "bells", acewright: { captions } }]);
  expect(work?.prompt.captions).toEqual(["bells", "chimes"]);
});

test("the genre ratio picks which songs are prompted by their genre", async () => {
  const sample = { audio_path: "a.wav", caption: "bells", genre: "ambient", labeled: true };
  const captions = async (ratio: number): Promise<(string | undefined)[]> =>
    (await works([{ id: "a", ...sample }], {}, { genre_ratio: ratio })).map(
      ({ prompt }) => prompt.captions[0],
    );
  expect(await captions(0)).toEqual(["bells"]);
  expect(await captions(100)).toEqual(["ambient"]);
});

test("the pieces of a song share its name and its repeats, and have files of their own", async () => {
  const made = await works([{ id: "a", audio_path: "a.wav", repeat: 3 }], { variants: ["pitch=2"] });
  expect(made.map(({ songId, id, file, repeats }) => [songId, id, file, repeats])).toEqual([
    ["a", "a", "a.safetensors", 3],
    ["a", "a-pitch2", "a-pitch2.safetensors", 3],
  ]);
});
