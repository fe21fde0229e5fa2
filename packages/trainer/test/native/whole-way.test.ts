import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConditionEncoder } from "@acewright/core-native";
import { decodeAudio, packTensors, preprocess, saveDataset, scanFolder } from "@acewright/dataset";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compareCheckpoints } from "../../src/generate/compare.js";
import { generate, generateSongs, type GenerateOptions } from "../../src/generate/generate.js";
import { targetPeak } from "../../src/generate/loudness.js";
import { listRuns } from "../../src/runs/list-runs.js";
import { planRun } from "../../src/plan-run.js";
import { train } from "../../src/train/train.js";
import { openTensorSamples } from "../../src/tensor-samples.js";
import { toyCheckpoints, toyModel, toyRun, toySongs } from "../toy.js";
import { ofType } from "../trained.js";

// From the toy's three songs to a song with the adapter trained on them, by the public doors alone.
let folder: string;
let tensors: string;
let run: string;
const all: Parameters<typeof ofType>[0][number][] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-way-"));
  [tensors, run] = [join(folder, "tensors"), join(folder, "run")];
  const { dataset } = await scanFolder(toySongs, { name: "bells", customTag: "zxc" });
  const from = {
    dataset: saveDataset(join(folder, "dataset.json"), dataset),
    output: tensors,
    model: toyCheckpoints,
  };
  const openConditionNetwork = (model: string) => ConditionEncoder.open(model);
  for await (const event of preprocess({ ...from, device: "cpu", openConditionNetwork })) {
    if (event.type === "failed") throw event.error;
  }
  const prompts = join(folder, "prompts.txt");
  writeFileSync(prompts, 'zxc, slow bells\n{"caption": "zxc, fast bells", "durationS": 2, "seed": 5}\n');
  const config = toyRun(run, {
    tensors,
    model: toyCheckpoints,
    adapter: { kind: "lora", rank: 8, dropout: 0 },
    epochs: 20,
    gradientAccumulation: 3,
    cropFrames: 64,
    saveEverySteps: 100,
    validationEvery: 10,
    sampleEvery: 20,
    samplePrompts: prompts,
  });
  for await (const event of train(config)) all.push(event);
}, 240_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const song = (changes: Partial<GenerateOptions> = {}): GenerateOptions => ({
  model: toyCheckpoints,
  caption: "zxc, bright bells in seven",
  durationS: 6,
  device: "cpu",
  output: join(folder, "song.wav"),
  ...changes,
});

const peakOf = (channels: readonly Float32Array[]) =>
  Math.max(...channels.map((channel) => channel.reduce((most, x) => Math.max(most, Math.abs(x)), 0)));

test("training lowers the held-out-noise loss of the songs it was given", () => {
  const validations = ofType(all, "validation");
  expect(validations.map(({ step }) => step)).toEqual([0, 10, 20]);
  expect(validations.at(-1)?.loss).toBeLessThan(0.95 * (validations[0]?.loss ?? 0));
  expect(ofType(all, "warning")).toEqual([]);
  // Both found out by the run: the model inside the checkpoints' folder, the trigger in the dataset.
  expect(ofType(all, "started")[0]?.config).toMatchObject({ model: toyModel, trigger: "zxc" });
});

test("the plan that was told is the memory that was planned", async () => {
  const started = ofType(all, "started")[0];
  const plan = await planRun(started?.config ?? toyRun(run));
  expect(plan.memory).toEqual(started?.plan.memory);
  expect(plan.audioS).toBeGreaterThan(20);
});

test("the songs of the prompts file can be listened to, and are those that generate makes", async () => {
  const files = [0, 20].flatMap((step) =>
    ["01-zxc-slow-bells", "02-zxc-fast-bells"].map((name) =>
      join(run, "samples", `step-000000${String(step).padStart(2, "0")}-${name}.wav`),
    ),
  );
  expect(ofType(all, "sample").map(({ file }) => file)).toEqual(files);
  const [before, , after, fast] = await Promise.all(files.map((file) => decodeAudio(file)));
  expect(after?.channels[0]).toHaveLength(30 * 48_000);
  expect(peakOf(after?.channels ?? [])).toBeCloseTo(targetPeak, 3);
  expect(after?.channels).not.toEqual(before?.channels);
  const output = join(folder, "again.wav");
  const same = { caption: "zxc, fast bells", durationS: 2, seed: 5, output };
  await generate(song({ ...same, adapters: [{ path: run, scale: 1 }] }));
  const again = await decodeAudio(output);
  const worst = again.channels.map((channel, side) =>
    channel.reduce((most, x, i) => Math.max(most, Math.abs(x - (fast?.channels[side]?.[i] ?? NaN))), 0),
  );
  expect(Math.max(...worst)).toBeLessThan(2 / 32768);
});

test("a song is made with the adapter, at its peak and length, and differs from one without", async () => {
  const progress: string[] = [];
  const result = await generate(
    song({
      adapters: [{ path: run, scale: 1 }],
      onProgress: (part, done, total) => progress.push(`${part} ${done}/${total}`),
    }),
  );
  expect(result).toMatchObject({ durationS: 6, sampling: { steps: 8, shift: 3, guidance: 1 }, warnings: [] });
  expect(result.adapters[0]?.report).toMatchObject({ missing: [], unexpected: [] });
  const { channels } = await decodeAudio(result.file);
  expect(channels[0]).toHaveLength(6 * 48_000);
  expect(Math.abs(peakOf(channels) - targetPeak)).toBeLessThan(2 / 32768);
  expect(progress[0]).toBe("prompt 0/1");
  expect(progress).toContain("sample 8/8");
  expect(progress.at(-1)).toBe("decode 150/150");
  await generate(song({ output: join(folder, "plain.wav") }));
  expect(readFileSync(join(folder, "plain.wav"))).not.toEqual(readFileSync(result.file));
});

test("scale 0 is no adapter at all, and the same seed the same song", async () => {
  await generate(song({ output: join(folder, "a.wav"), adapters: [{ path: run, scale: 0 }] }));
  await generate(song({ output: join(folder, "b.wav") }));
  await generate(song({ output: join(folder, "c.wav"), seed: 7 }));
  const samplesOf = async (name: string) => (await decodeAudio(join(folder, name))).channels;
  expect(await samplesOf("a.wav")).toEqual(await samplesOf("b.wav"));
  expect(readFileSync(join(folder, "c.wav"))).not.toEqual(readFileSync(join(folder, "b.wav")));
});

test("every shift, the SDE and guidance make a song of finite samples", async () => {
  for (const changes of [{ shift: 1 }, { shift: 2 }, { method: "sde" as const }, { guidance: 3 }]) {
    const result = await generate(song({ ...changes, durationS: 2, output: join(folder, "x.wav") }));
    expect(result.durationS).toBe(2);
    expect(result.peak).toBeGreaterThan(1e-3);
  }
});

test("a list of songs is made with one opening of the networks, as FLAC with its tags", async () => {
  const result = await generateSongs({
    model: toyCheckpoints,
    prompts: [{ caption: "zxc, slow bells" }, { caption: "zxc, fast bells", durationS: 2 }],
    seeds: [1, 2],
    durationS: 1,
    device: "cpu",
    adapters: [
      { path: run, scale: 1, which: 20, groups: [{ group: "self_attn", scale: 0.5 }], from: 0.25, to: 1 },
    ],
    container: "flac",
    output: join(folder, "songs"),
  });
  expect(readdirSync(join(folder, "songs"))).toEqual([
    "01-zxc-slow-bells-seed1.flac",
    "02-zxc-slow-bells-seed2.flac",
    "03-zxc-fast-bells-seed1.flac",
    "04-zxc-fast-bells-seed2.flac",
  ]);
  expect(result.songs.map(({ durationS }) => durationS)).toEqual([1, 1, 2, 2]);
  expect(result.adapters[0]?.report.unexpected).toEqual([]);
  // A song of the list is the song made alone.
  const alone = join(folder, "alone.flac");
  const adapters = [{ path: run, scale: 1, groups: [{ group: "self_attn", scale: 0.5 }], from: 0.25, to: 1 }];
  await generate(song({ caption: "zxc, fast bells", seed: 2, durationS: 2, adapters, output: alone }));
  const [one, other] = await Promise.all(
    [alone, result.songs[3]?.file ?? ""].map((file) => decodeAudio(file)),
  );
  expect(one?.channels).toEqual(other?.channels);
  expect(readFileSync(alone).includes("SEED=2")).toBe(true);
  await expect(generate(song({ adapters: [{ path: run, scale: 1, which: 7 }] }))).rejects.toThrow(
    /has no step 7 adapter; it has final, .*checkpoints of step 10, 20/,
  );
});

test("checkpoints are compared side by side at one loudness, with a page to listen on", async () => {
  const output = join(folder, "compared");
  const options = {
    run,
    prompts: [{ caption: "zxc, <bells>" }],
    durationS: 2,
    device: "cpu" as const,
    output,
  };
  const { voices, songs } = await compareCheckpoints({ ...options, checkpoints: [20, "final"] });
  expect(voices).toEqual(["base", "step-00000020", "final"]);
  const takes = songs[0]?.takes ?? [];
  expect(readdirSync(output).sort()).toEqual(
    ["index.html", "index.json", ...takes.map(({ file }) => file)].sort(),
  );
  const [base, step, final] = await Promise.all(takes.map(({ file }) => decodeAudio(join(output, file))));
  expect(step?.channels).toEqual(final?.channels);
  expect(step?.channels).not.toEqual(base?.channels);
  const loudness = takes.map((take) => take.loudness ?? NaN);
  expect(Math.max(...loudness) - Math.min(...loudness)).toBeLessThan(0.01);
  expect(Math.min(...takes.map(({ gain }) => -gain))).toBeCloseTo(0, 10);
  expect(JSON.parse(readFileSync(join(output, "index.json"), "utf8"))).toMatchObject({ voices, songs });
  const page = readFileSync(join(output, "index.html"), "utf8");
  expect(page).toContain("zxc, &lt;bells&gt;");
  for (const { file } of takes) expect(page).toContain(`src="${file}"`);
  expect(page).not.toMatch(/https?:/);
  await expect(compareCheckpoints({ ...options, checkpoints: [3] })).rejects.toThrow(/has no step 3 adapter/);
  await expect(compareCheckpoints({ ...options, replace: false })).rejects.toThrow(
    /index\.json: exists already \(and 1 more\); choose another name, or replace it/,
  );
  expect(readFileSync(join(output, "index.html"), "utf8")).toBe(page);
});

test("a missing trigger is remarked upon", async () => {
  const { warnings } = await generate(
    song({
      caption: "bells",
      durationS: 1,
      adapters: [{ path: run, scale: 1 }],
      output: join(folder, "t.wav"),
    }),
  );
  expect(warnings).toEqual([`${run}: its trigger "zxc" is not in the caption`]);
});

test("what cannot be made is refused before anything is written", async () => {
  const output = join(folder, "never.wav");
  await expect(generate(song({ output, caption: "" }))).rejects.toThrow(/generate: caption: expected a text/);
  await expect(generate({ ...song({ output }), stepps: 3 } as GenerateOptions)).rejects.toThrow(
    "generate: unknown key stepps, did you mean steps?",
  );
  await expect(generate(song({ output: join(folder, "no", "x.wav") }))).rejects.toThrow(
    /the folder .*no does not exist/,
  );
  await expect(generate(song({ output, adapters: [{ path: folder, scale: 1 }] }))).rejects.toThrow(
    /holds no adapter/,
  );
  await expect(generate(song({ output, signal: AbortSignal.abort(new Error("enough")) }))).rejects.toThrow(
    "enough",
  );
  expect(existsSync(output)).toBe(false);
});

test("the tensors' identity changes with their content alone", async () => {
  const { hash, songs, encoderHiddenSize } = await openTensorSamples(tensors);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(songs).toHaveLength(3);
  expect(encoderHiddenSize).toBe(160);
  expect(listRuns(folder)[0]?.config.environment?.dataset).toBe(hash);
});

test("how often a song stands in an epoch is part of what is trained on", async () => {
  const again = join(folder, "again");
  cpSync(tensors, again, { recursive: true });
  const { hash } = await openTensorSamples(tensors);
  expect((await openTensorSamples(again)).hash).toBe(hash);
  const path = join(again, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as { samples: { repeats?: number }[] };
  (manifest.samples[1] ?? {}).repeats = 3;
  writeFileSync(path, JSON.stringify(manifest));
  const weighted = await openTensorSamples(again);
  expect(weighted.songs.map(({ repeats }) => repeats)).toEqual([1, 3, 1]);
  expect(weighted.hash).not.toBe(hash);
});

test("songs packed into shards are the same dataset, song by song", async () => {
  const packed = join(folder, "packed");
  await packTensors({ input: tensors, output: packed, shardBytes: 2 ** 20 });
  const [files, shards] = [await openTensorSamples(tensors), await openTensorSamples(packed)];
  expect(shards.hash).toBe(files.hash);
  expect(shards.songs).toEqual(files.songs);
  for (const i of files.songs.keys()) expect(await shards.read(i)).toEqual(await files.read(i));
});
