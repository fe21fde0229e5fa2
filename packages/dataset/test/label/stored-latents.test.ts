import { AceError, ConditionEncoder } from "@acewright/core-native";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { labelDataset, openTensors, preprocess, saveDataset, scanFolder } from "@acewright/dataset";
import type { LabelDatasetOptions, LabelEvent, PreprocessOptions, TensorFolder } from "@acewright/dataset";
import { resolveModelFolders } from "../../src/encoders/model-folders.js";
import { AudioCodes } from "../../dist/label/audio-codes.js";
import { audioCodesMemory, languageModelMemory } from "../../src/label/model/memory.js";
import { resolveEncoderDevice } from "../../dist/onnx/execution-device.js";
import { toy, toyModel } from "../reference-folders.js";
import { writeTinyLanguageModel } from "./tiny-language-model.js";

let folder: string;
let dataset: string;
let tensors: TensorFolder;
let lm: string;
const song = join(toy, "adapt/bells-one.flac");
const folders = resolveModelFolders(toyModel);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-stored-"));
  lm = writeTinyLanguageModel(join(folder, "lm"));
  const { dataset: scanned } = await scanFolder(join(toy, "adapt"));
  scanned.samples = scanned.samples.slice(0, 1);
  for (const sample of scanned.samples)
    Object.assign(sample, {
      lyrics: "[Instrumental]",
      raw_lyrics: "",
      is_instrumental: false,
      labeled: false,
    });
  dataset = saveDataset(join(folder, "dataset.json"), scanned);
  tensors = await madeTensors("mean", { posterior: "mean" });
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const openConditionNetwork = (model: string): Promise<ConditionEncoder> => ConditionEncoder.open(model);

async function madeTensors(name: string, options: Partial<PreprocessOptions>): Promise<TensorFolder> {
  const output = join(folder, name);
  const made = { dataset, output, model: toyModel, device: "cpu" as const };
  for await (const event of preprocess({ ...made, openConditionNetwork, ...options }))
    if (event.type === "failed") throw event.error;
  return await openTensors(output);
}

async function codesWith(stored?: TensorFolder): Promise<{ codes: number[]; warnings: string[] }> {
  const device = await resolveEncoderDevice("cpu");
  const audio = new AudioCodes({ folders, device, tensors: stored });
  const warnings: string[] = [];
  try {
    const tensorId = tensors.samples[0]?.id;
    const codes = await audio.codes(song, {
      mostCodes: 500,
      tensorId,
      onWarning: (line) => warnings.push(line),
    });
    return { codes, warnings };
  } finally {
    await audio.close();
  }
}

test("stored latents give the codes that encoding gives, and are really what the codes are made of", async () => {
  const encoded = await codesWith();
  expect(encoded.codes.length).toBeGreaterThan(30);
  expect(await codesWith(tensors)).toEqual({ codes: encoded.codes, warnings: [] });

  const silenced: TensorFolder = {
    ...tensors,
    read: async (sample) => {
      const read = await tensors.read(sample);
      return { ...read, latents: new Float32Array(read.latents.length) };
    },
  };
  const silent = await codesWith(silenced);
  expect(silent.codes).toHaveLength(encoded.codes.length);
  expect(new Set(silent.codes).size).toBe(1);
});

test.each<[string, Partial<PreprocessOptions>]>([
  ["cut", { maxDurationS: 4 }],
  ["louder", { normalize: "peak" }],
])(
  "latents of a song that was %s are not taken; it is encoded again, and that is told",
  async (name, options) => {
    const stored = await madeTensors(name, { posterior: "mean", ...options });
    const { codes, warnings } = await codesWith(stored);
    expect(codes).toEqual((await codesWith()).codes);
    expect(warnings).toEqual([
      `${stored.folder} has no latents of the whole song as it is; it is encoded again`,
    ]);
  },
);

test.each(["audio", "vae"])("nor are those of another %s", async (what) => {
  const other: TensorFolder = {
    ...tensors,
    read: async (sample) => {
      const read = await tensors.read(sample);
      const { recipe, source } = read.metadata;
      const metadata =
        what === "vae"
          ? { ...read.metadata, recipe: { ...recipe, vae: "0" } }
          : { ...read.metadata, source: { ...source, sha256: "0" } };
      return { ...read, metadata };
    },
  };
  expect((await codesWith(other)).warnings).toHaveLength(1);
});

async function label(options: Partial<LabelDatasetOptions> = {}): Promise<LabelEvent[]> {
  const events: LabelEvent[] = [];
  const quick = { dataset, model: toyModel, lm, maxNewTokens: 260, contextTokens: 1024, dryRun: true };
  for await (const event of labelDataset({ ...quick, ...options })) events.push(event);
  return events;
}

test("a folder of songs labelled with --tensors is labelled as without", async () => {
  const changes = (events: readonly LabelEvent[]) =>
    events.flatMap((event) => (event.type === "done" ? [event.changes, event.failed] : []));
  const plain = await label();
  const stored = await label({ tensors: tensors.folder });
  expect(stored.filter(({ type }) => type === "warning")).toEqual([]);
  expect(changes(plain)[0]).not.toEqual([]);
  expect(changes(stored)).toEqual(changes(plain));
});

test("the language model's memory is counted from its headers", () => {
  const context = 1024;
  const { weights, cache, pass, total } = languageModelMemory(lm, context);
  const { byteLength } = readFileSync(join(lm, "model.safetensors"));
  const headerLength = Number(readFileSync(join(lm, "model.safetensors")).readBigUInt64LE());
  // Float32 in the file as in memory; the table of words is the head too.
  expect(weights).toBe(byteLength - 8 - headerLength);
  // Keys and values: 2 layers, 1 head of 8.
  expect(cache).toBe(2 * 2 * 8 * 4 * context);
  expect(languageModelMemory(lm, 2 * context).cache).toBe(2 * cache);
  expect(total).toBe(weights + cache + pass);
});

test("what does not fit is refused before it is loaded, with what is needed, what is free and what would fit", async () => {
  const before = readFileSync(dataset, "utf8");
  const codesBytes = audioCodesMemory(folders).total;
  vi.spyOn(process, "availableMemory").mockReturnValue(codesBytes - 1);
  const refused = label({ dryRun: false });
  await expect(refused).rejects.toThrow(AceError);
  await expect(refused).rejects.toMatchObject({
    code: "ERR_OUT_OF_MEMORY",
    message: expect.stringMatching(
      /^the autoencoder and the audio tokenizer needs .+ \(weights .+, one pass .+\), .+ are free; .*--no-check-memory/,
    ) as string,
  });
  expect(readFileSync(dataset, "utf8")).toBe(before);
});

test("the language model too, once the codes are made; asked to, it is loaded all the same", async () => {
  const contextTokens = 4096;
  const modelBytes = languageModelMemory(lm, contextTokens).total;
  const free = vi.spyOn(process, "availableMemory").mockReturnValue(2 ** 40);
  const told: LabelEvent[] = [];
  const work = { dataset, model: toyModel, lm, maxNewTokens: 260, contextTokens, dryRun: true };
  const run = (async () => {
    for await (const event of labelDataset(work)) {
      told.push(event);
      // Other programs took what was free when the codes began.
      if (event.type === "phase" && event.phase === "codes") free.mockReturnValue(modelBytes - 1);
    }
  })();
  await expect(run).rejects.toMatchObject({
    code: "ERR_OUT_OF_MEMORY",
    message: expect.stringMatching(
      /^the language model needs .+, cache .+ are free; take a smaller one than .*--context-tokens.*--lm-server/,
    ) as string,
  });
  expect(told).toContainEqual(
    expect.objectContaining({ type: "memory", phase: "answers", bytes: modelBytes }),
  );

  free.mockReturnValue(1);
  const events = await label({ checkMemory: false });
  expect(events.at(-1)).toMatchObject({ type: "done", failed: 0 });
});
