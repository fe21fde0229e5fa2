import { AceError } from "@acewright/core-native";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { labelDataset, labelSong, loadDataset, saveDataset, scanFolder } from "@acewright/dataset";
import type { LabelDatasetOptions, LabelEvent, Sample } from "@acewright/dataset";
import { toy, toyModel } from "../reference-folders.js";
import { writeTinyLanguageModel } from "./tiny-language-model.js";

let lm: string;
let folder: string;
beforeAll(() => {
  lm = writeTinyLanguageModel(mkdtempSync(join(tmpdir(), "acewright-lm-")));
}, 60_000);
afterAll(() => {
  rmSync(lm, { recursive: true, force: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-label-"));
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
});

/** The toy's songs with what a test says of each; without their sidecars' words. */
async function dataset(change: (sample: Sample, index: number) => void): Promise<string> {
  const { dataset: scanned } = await scanFolder(join(toy, "adapt"));
  for (const [index, sample] of scanned.samples.entries()) {
    const bare = { caption: "", genre: "", bpm: null, keyscale: "", timesignature: "", language: "unknown" };
    const wordless = { lyrics: "[Instrumental]", raw_lyrics: "", is_instrumental: false, labeled: false };
    Object.assign(sample, bare, wordless);
    change(sample, index);
  }
  return saveDataset(join(folder, "dataset.json"), scanned);
}

const nothing = (): void => undefined;
const quick = { maxNewTokens: 260, contextTokens: 1024 };

async function label(path: string, options: Partial<LabelDatasetOptions> = {}): Promise<LabelEvent[]> {
  const events: LabelEvent[] = [];
  const run = labelDataset({ dataset: path, model: toyModel, lm, ...quick, ...options });
  for await (const event of run) events.push(event);
  return events;
}

async function samples(path: string): Promise<Sample[]> {
  return (await loadDataset(path)).dataset.samples;
}

const done = (events: readonly LabelEvent[]): Extract<LabelEvent, { type: "done" }> =>
  events.find((event) => event.type === "done") as Extract<LabelEvent, { type: "done" }>;

test("empty songs get every field, the language too, and the file one backup", async () => {
  const path = await dataset(nothing);
  const events = await label(path);
  expect(done(events)).toMatchObject({ labelled: 3, skipped: 0, failed: 0, written: true });
  for (const sample of await samples(path)) {
    expect(sample).toMatchObject({ labeled: true, is_instrumental: false });
    expect(sample.caption).toMatch(/[.!?]["')]*$/);
    expect(sample.genre).not.toBe("");
    expect(sample.bpm).toBeGreaterThanOrEqual(30);
    expect(sample.keyscale).toMatch(/ (major|minor)$/);
    expect(["2", "3", "4", "6"]).toContain(sample.timesignature);
    expect(sample.language).toMatch(/^[a-z]{2,7}$/);
    expect(sample.lyrics).not.toMatch(/audio_code|Instrumental/);
  }
  expect(readdirSync(folder).sort()).toEqual(["dataset.json", "dataset.json.bak"]);
  const order = events.flatMap((event) => (event.type === "memory" || event.type === "phase" ? [`${event.type} ${event.phase}`] : [])); // prettier-ignore
  expect(order).toEqual(["memory codes", "phase codes", "memory answers", "phase answers"]);
});

test("the same seed gives the same file, another seed another", async () => {
  const texts: string[] = [];
  for (const seed of [0, 0, 1]) {
    const path = await dataset((sample, index) => {
      sample.id = `song${index}`;
      if (index > 0) sample.labeled = true;
    });
    await label(path, { seed, onlyUnlabeled: true });
    texts.push(JSON.stringify((await samples(path))[0]));
  }
  expect(texts[1]).toBe(texts[0]);
  expect(texts[2]).not.toBe(texts[0]);
});

test("what is there is kept, unless it is named; only-unlabeled and skip-metas leave songs and metas alone", async () => {
  const path = await dataset((sample, index) => {
    if (index === 0) Object.assign(sample, { caption: "Mine.", labeled: true, bpm: 77, lyrics: "own words", raw_lyrics: "own words" }); // prettier-ignore
    if (index === 1) Object.assign(sample, { is_instrumental: true });
  });
  const before = await samples(path);
  const events = await label(path, { onlyUnlabeled: true, skipMetas: true });
  const [first, second, third] = await samples(path);
  expect(first).toEqual(before[0]);
  expect(second).toMatchObject({ lyrics: "[Instrumental]", language: "unknown", bpm: null, keyscale: "" });
  expect(second?.caption).not.toBe("");
  expect(third).toMatchObject({ bpm: null, keyscale: "", timesignature: "" });
  expect(events).toContainEqual({ type: "skipped", index: 0, reason: "is labeled" });

  await label(path, { overwrite: ["caption", "bpm", "lyrics"] });
  const [again] = await samples(path);
  expect(again?.caption).not.toBe("Mine.");
  expect(again?.bpm).not.toBe(77);
  expect(again).toMatchObject({ lyrics: "own words", raw_lyrics: "own words" });
});

test("tempo and key come from the analysis where there is one, and the model's other opinion is told", async () => {
  const path = await dataset((sample, index) => {
    if (index > 0) sample.labeled = true;
    sample["acewright"] = {
      analysis: {
        version: 1,
        file: { bytes: 1, modified_ms: 1 },
        filled: [],
        bpm: { value: 131.4, confidence: 0.9, alternatives: [] },
        keyscale: { value: "A# minor", confidence: 0.6, alternatives: [] },
        timesignature: null,
        tuning_hz: null,
        loudness_lufs: null,
        true_peak_db: null,
        sections: [],
      },
    };
  });
  const events = await label(path, { onlyUnlabeled: true });
  expect((await samples(path))[0]).toMatchObject({ bpm: 131, keyscale: "A# minor" });
  const notes = events.flatMap((event) => (event.type === "labelled" ? event.notes : []));
  expect(notes.join("\n")).toMatch(
    /bpm: the model says \d+, the analysis heard \(90 % sure\) 131, which is kept/,
  );
});

test("a song that cannot be read is told and left, the others go on", async () => {
  writeFileSync(join(folder, "broken.wav"), "RIFF");
  const path = await dataset((sample, index) => {
    if (index === 1) sample.audio_path = join(folder, "broken.wav");
    if (index === 2) sample.audio_path = join(folder, "absent.wav");
  });
  const events = await label(path);
  expect(done(events)).toMatchObject({ labelled: 1, failed: 2 });
  const failures = events.flatMap((event) => (event.type === "failed" ? [event.error.message] : []));
  expect(failures.join("\n")).toMatch(/absent.wav: does not exist/);
  expect(failures.join("\n")).toMatch(/broken.wav/);
});

test("after a stop the answers stand in the file, and the same call asks for the rest only", async () => {
  const whole = await dataset((sample, index) => (sample.id = `song${index}`));
  await label(whole);
  const expected = await samples(whole);

  const path = await dataset((sample, index) => (sample.id = `song${index}`));
  const stop = new AbortController();
  const run = labelDataset({ dataset: path, model: toyModel, lm, ...quick, signal: stop.signal });
  await expect(
    (async () => {
      for await (const event of run) if (event.type === "labelled") stop.abort();
    })(),
  ).rejects.toThrow(/abort/i);
  expect((await samples(path)).map(({ labeled }) => labeled)).toEqual([true, false, false]);
  const journal = join(folder, ".dataset.json.label.journal");
  expect(existsSync(journal)).toBe(true);
  writeFileSync(journal, `${readFileSync(journal, "utf8")}{"key":"cut of`);
  const events = await label(path);
  expect(done(events)).toMatchObject({ labelled: 2, skipped: 1 });
  // The codes were kept: that phase has no fraction of a song to tell.
  const parts = events.flatMap((event) => (event.type === "progress" && event.phase === "codes" ? [event.fraction] : [])); // prettier-ignore
  expect(new Set(parts)).toEqual(new Set([1]));
  expect(await samples(path)).toEqual(expected);
  expect(existsSync(journal)).toBe(false);
});

test("a rehearsal tells the changes and writes nothing", async () => {
  const path = await dataset(nothing);
  const before = readFileSync(path, "utf8");
  const events = await label(path, { dryRun: true });
  expect(done(events)).toMatchObject({ written: false });
  expect(done(events).changes.filter(({ key }) => key === "caption")).toHaveLength(3);
  expect(readFileSync(path, "utf8")).toBe(before);
});

test("a file that was changed meanwhile is not written over", async () => {
  const path = await dataset(nothing);
  const run = labelDataset({ dataset: path, model: toyModel, lm, ...quick });
  await expect(
    (async () => {
      for await (const event of run) {
        if (event.type === "start") writeFileSync(path, `${readFileSync(path, "utf8")}\n`);
      }
    })(),
  ).rejects.toThrow(/was changed while its songs were labelled/);
});

test("lyrics are formatted with every word kept, and those with structure are left", async () => {
  const path = await dataset((sample, index) => {
    const lyrics = index === 0 ? "seven in a row\nseven to the end" : "[Verse]\nseven on the way";
    const words = { lyrics, raw_lyrics: lyrics, caption: "Bells.", genre: "folk", language: "en" };
    Object.assign(sample, words, { bpm: 100, keyscale: "A minor", timesignature: "4", labeled: true });
  });
  const events = await label(path, { formatLyrics: true, seed: 3 });
  expect(done(events)).toMatchObject({ labelled: 1, skipped: 2 });
  const [first] = await samples(path);
  expect(first?.raw_lyrics).toBe("seven in a row\nseven to the end");
  const sung = (first as Sample).lyrics.split("\n").filter((line) => line !== "" && !line.startsWith("["));
  expect(sung).toEqual(["seven in a row", "seven to the end"]);
  expect(events.some((event) => event.type === "phase" && event.phase === "codes")).toBe(false);
});

test("one song alone is described like one of many", async () => {
  const { sample } = await labelSong(join(toy, "adapt/bells-one.flac"), { model: toyModel, lm, ...quick });
  const path = await dataset((each, index) => {
    if (index > 0) each.labeled = true;
  });
  await label(path, { onlyUnlabeled: true });
  const [expected] = await samples(path);
  for (const key of ["caption", "genre", "bpm", "keyscale", "language", "lyrics"] as const) {
    expect(sample[key]).toEqual(expected?.[key]);
  }
});

test("what cannot work is refused before anything is loaded", async () => {
  const path = await dataset(nothing);
  await expect(label(path, { lm: undefined })).rejects.toThrow(/--lm-server/);
  await expect(label(path, { lm: toyModel })).rejects.toThrow(AceError);
  await expect(label(path, { temperature: 3 })).rejects.toThrow(/temperature/);
  await expect(label(path, { contextTokens: 8192 })).rejects.toThrow(/made for at most 4096/);
});
