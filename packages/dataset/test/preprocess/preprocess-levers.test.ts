import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { truePeak } from "../../src/dsp/true-peak.js";
import { writeWav } from "../../src/audio/write-wav.js";
import type { PreprocessEvent } from "../../src/preprocess/events.js";
import type { PreprocessOptions } from "../../src/preprocess/preprocess-run.js";
import type { TensorFolder } from "../../src/tensors/open-tensors.js";
import { toyModel } from "../reference-folders.js";

// The built package with its real threads for decoding, levels and variants, and the native condition encoder.

type Built = typeof import("../../src/index.js");
let built: Built;
let folder: string;

const rate = 48_000;
const songS = 12;
const lyrics = "[Verse]\nfirst line\nsecond line\n[Chorus]\nthird line";

beforeAll(async () => {
  built = (await import(pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href)) as Built;
  folder = mkdtempSync(join(tmpdir(), "acewright-levers-"));
  const wave = new Float32Array(rate * songS).map((_, i) => 0.2 * Math.sin(i / 20) * Math.sin(i / 9000));
  writeWav(join(folder, "song.wav"), [wave, wave], rate);
  save({});
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** One song whose bars are 2.1 s long, whose chorus begins at 8.4 s, and whose lines have stamps. */
function save(
  analysis: object,
  words: { caption?: string; lyrics?: string; captions?: string[] } = {},
): void {
  const { captions = [], ...fields } = words;
  const lyric_lines = [
    { start_s: 1, end_s: 2, text: "first line" },
    { start_s: 5, end_s: 6, text: "second line" },
    { start_s: 9, end_s: 10, text: "third line" },
  ];
  const sample = {
    id: "song",
    audio_path: "song.wav",
    caption: "bells",
    lyrics,
    bpm: 120,
    keyscale: "C major",
    ...fields,
  };
  const samples = [{ ...sample, acewright: { lyric_lines, analysis, captions } }];
  writeFileSync(join(folder, "dataset.json"), JSON.stringify({ metadata: {}, samples }));
}

async function run(
  output: string,
  options: Partial<PreprocessOptions>,
): Promise<{ tensors: TensorFolder; events: PreprocessEvent[] }> {
  const events: PreprocessEvent[] = [];
  const paths = { dataset: join(folder, "dataset.json"), output: join(folder, output), model: toyModel };
  for await (const event of built.preprocess({ ...paths, device: "cpu", posterior: "mean", ...options })) {
    if (event.type === "failed") throw event.error;
    events.push(event);
  }
  return { tensors: await built.openTensors(join(folder, output)), events };
}

describe("structure cuts", () => {
  test("fall on sections, then on bars, and each chunk has the lines sung in it", async () => {
    const bars = Array.from({ length: 6 }, (_, bar) => Number((bar * 2.1).toFixed(2)));
    save({ bars });
    const { tensors, events } = await run("bars", { chunks: "structure", chunkS: 5 });
    const cuts = tensors.samples.map(({ chunk }) => chunk);
    expect(cuts.map((cut) => cut?.startS)).toEqual([0, 4.2, 8.4]);
    expect(events.filter(({ type }) => type === "warning")).toEqual([]);
    const sung = await Promise.all(
      tensors.samples.map(async (sample) => (await tensors.read(sample)).metadata.prompt.lyrics),
    );
    expect(sung).toEqual(["[Verse]\nfirst line", "[Verse]\nsecond line", "[Chorus]\nthird line"]);

    save({ bars, sections: [{ start_s: 0 }, { start_s: 3.5 }, { start_s: 8 }] });
    const sections = await run("sections", { chunks: "structure", chunkS: 5 });
    expect(sections.tensors.samples.map(({ chunk }) => chunk?.startS)).toEqual([0, 3.5, 8]);
  });
});

describe("chunks, a level and variants together", () => {
  test("give every piece its own length, words and place, and the network the sound of that piece", async () => {
    save({});
    const levers: Partial<PreprocessOptions> = {
      chunks: "random",
      chunkS: 5,
      chunksPerSong: 2,
      normalize: "peak",
      peakDb: -6,
      variants: ["pitch=2", "tempo=1.25/gain=-3"],
    };
    const { tensors, events } = await run("all", levers);
    expect(events[0]).toMatchObject({ type: "start", songs: 1, pieces: 6 });
    expect(tensors.samples.map(({ id, frames }) => [id, frames])).toEqual([
      ["song-c001", 125],
      ["song-c001-pitch2", 125],
      ["song-c001-tempo1.25_gain-3", 100],
      ["song-c002", 125],
      ["song-c002-pitch2", 125],
      ["song-c002-tempo1.25_gain-3", 100],
    ]);
    const [plain, pitched, fast] = await Promise.all(
      tensors.samples.slice(0, 3).map((sample) => tensors.read(sample)),
    );
    expect(plain?.metadata.prompt).toMatchObject({ bpm: 120, keyscale: "C major" });
    expect(pitched?.metadata.prompt).toMatchObject({ bpm: 120, keyscale: "D major" });
    expect(fast?.metadata.prompt).toMatchObject({ bpm: 150, keyscale: "C major" });
    expect([plain?.metadata.durationS, fast?.metadata.durationS]).toEqual([5, 4]);
    // 0.2 is -13.98 dBFS: the whole song is raised to -6, the variant then lowered by 3.
    expect(plain?.metadata.level?.gainDb).toBeCloseTo(7.98, 1);
    expect(fast?.metadata.level?.gainDb).toBeCloseTo(4.98, 1);
    expect(pitched?.latents).not.toEqual(plain?.latents);

    // The chunk's latents are those of a file that holds this stretch of the levelled song and nothing else.
    const { startS, endS } = tensors.samples[0]?.chunk ?? { startS: 0, endS: 0 };
    const { channels } = await built.decodeAudio(join(folder, "song.wav"));
    const gain = 10 ** ((plain?.metadata.level?.gainDb ?? 0) / 20);
    const cut = channels.map((channel) =>
      channel.slice(Math.round(startS * rate), Math.round(endS * rate)).map((value) => value * gain),
    ) as [Float32Array, Float32Array];
    expect(20 * Math.log10(truePeak(cut))).toBeLessThanOrEqual(-1);
    const { mean } = await built.encodeLatents(join(toyModel, "../vae"), cut);
    const worst = mean.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (plain?.latents[i] ?? NaN))),
      0,
    );
    expect(worst).toBeLessThan(1e-4);

    const again = await run("all", levers);
    expect(again.events.at(-1)).toMatchObject({ type: "done", made: 0, skipped: 6 });
  });
});

describe("prompts with an empty field", () => {
  const read = async (output: string, options: Partial<PreprocessOptions> = {}) => {
    const { tensors } = await run(output, options);
    const [sample] = tensors.samples;
    if (sample === undefined) throw new Error("no sample");
    return { listed: sample, ...(await tensors.read(sample)) };
  };

  test("are what the model reads when caption, lyrics or both are left empty", async () => {
    save({}, { captions: ["quiet bells"] });
    const dropped = await read("dropped", { fieldDropout: true });
    const wordings = [
      { caption: 0, lyrics: true },
      { caption: 1, lyrics: true },
      { caption: null, lyrics: true },
      { caption: 0, lyrics: false },
      { caption: 1, lyrics: false },
      { caption: null, lyrics: false },
    ];
    expect(dropped.listed.wordings).toEqual(wordings);
    expect(dropped.metadata.wordings).toEqual(wordings);
    expect(dropped.listed.tokens).toEqual(dropped.metadata.segments.map(({ text }) => text[1]));

    const plain = await read("plain");
    expect(plain.listed.wordings).toBeUndefined();
    expect(plain.conditions).toEqual(dropped.conditions.slice(0, 2));
    save({}, { captions: ["quiet bells"], lyrics: "" });
    const unsung = await read("unsung");
    expect(dropped.conditions.slice(3, 5)).toEqual(unsung.conditions);

    // Lyrics, timbre and text are encoded apart: an empty caption changes the text alone.
    const [whole, , captionless] = dropped.conditions;
    const textAt = dropped.metadata.segments[0]?.text[0] ?? 0;
    const width = (whole?.length ?? 0) / (dropped.listed.tokens[0] ?? 1);
    expect(captionless?.subarray(0, textAt * width)).toEqual(whole?.subarray(0, textAt * width));
    expect(captionless?.length).toBeLessThan(whole?.length ?? 0);
    expect(dropped.listed.tokens[5]).toBeLessThan(dropped.listed.tokens[2] ?? 0);
  });

  test("asked for later, they are added to what is there without encoding the sound again", async () => {
    save({});
    await run("later", {});
    const { events } = await run("later", { fieldDropout: true });
    expect(events).toContainEqual(expect.objectContaining({ type: "stale" }));
    expect(JSON.stringify(events)).toContain("prompts with an empty field were asked for");
    expect(events).toContainEqual(expect.objectContaining({ type: "planned", pending: 1, audioS: 0 }));
  });

  test("of a song that nobody sings have no wording without lyrics", async () => {
    save({}, { lyrics: "[Instrumental]" });
    const { listed } = await read("instrumental", { fieldDropout: true });
    expect(listed.wordings).toEqual([
      { caption: 0, lyrics: true },
      { caption: null, lyrics: true },
    ]);
  });

  test("are in the room that is promised", async () => {
    save({}, { captions: ["quiet bells"] });
    const planned: PreprocessEvent[] = [];
    const paths = { dataset: join(folder, "dataset.json"), output: join(folder, "none"), model: toyModel };
    for await (const event of built.preprocess({
      ...paths,
      device: "cpu",
      fieldDropout: true,
      dryRun: true,
    }))
      planned.push(event);
    const { conditions, latents } = await read("room", { fieldDropout: true });
    const taken = 4 * conditions.reduce((sum, { length }) => sum + length, latents.length);
    const told = planned.find((event) => event.type === "planned")?.tensorsBytes ?? 0;
    expect(told).toBeGreaterThan(taken);
    expect(told).toBeLessThan(taken + 100_000);
  });
});
