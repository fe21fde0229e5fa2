import type { HostTensor } from "@acewright/core-native";
import { readSafetensors, toFloat32 } from "@acewright/core-native";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { saveDataset } from "../../src/dataset-file/save-dataset.js";
import { preprocess } from "../../src/preprocess/preprocess.js";
import { scanFolder } from "../../src/scan/scan-folder.js";
import type { TensorSample } from "../../src/tensors/open-tensors.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { toy, toyModel, toySongs } from "../reference-folders.js";

// Decoding threads run the built package; here the same decoder works on this thread.
vi.mock(import("../../src/audio/decode.js"), async (original) => {
  const { decodeFile } = await import("../../src/audio/decode-file.js");
  return {
    ...(await original()),
    decodeAudio: (path, options) =>
      decodeFile({ path, sampleRateHz: 48_000, maxDurationS: options?.maxDurationS }, () => undefined),
  };
});

let folder: string;
let samples: TensorSample[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-reference-"));
  const { dataset } = await scanFolder(join(toy, "adapt"));
  const datasetFile = join(folder, "dataset.json");
  saveDataset(datasetFile, dataset);
  const events: unknown[] = [];
  const output = join(folder, "tensors");
  for await (const event of preprocess({
    dataset: datasetFile,
    output,
    model: toyModel,
    device: "cpu",
    posterior: "mean",
  })) {
    events.push(event);
  }
  expect(events.at(-1)).toMatchObject({ type: "done", made: 3, failed: 0 });
  const tensors = await openTensors(output);
  const read = await Promise.all(tensors.samples.map((sample) => tensors.read(sample)));
  samples = toySongs.map(
    ({ file }) => read.find(({ metadata }) => metadata.source.path.endsWith(file)) as TensorSample,
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const { tensors: expected } = readSafetensors(join(toy, "expected.safetensors"));
const reference = (name: string): Float32Array => toFloat32(expected[name] as HostTensor);

test("the conditions of the three toy songs are the reference's", () => {
  for (const [i, sample] of samples.entries()) {
    const wanted = reference(`cond.${i}`);
    const [ours] = sample.conditions;
    expect(ours).toHaveLength(wanted.length);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - ((ours as Float32Array)[at] as number))),
      0,
    );
    expect(worst / largest).toBeLessThan(1e-5);
    expect(sample.metadata.segments).toEqual([{ lyrics: [0, 19], timbre: [19, 20], text: [20, 84] }]);
  }
});

test("official conditioning is the official trainer's: 769 tokens with their padding, bare lyrics, a zero frame", async () => {
  const { dataset } = await scanFolder(join(toy, "adapt"));
  const first = dataset.samples.filter(({ filename }) => filename === toySongs[0].file);
  expect(first).toHaveLength(1);
  const datasetFile = join(folder, "first.json");
  saveDataset(datasetFile, { ...dataset, samples: first });
  const output = join(folder, "official");
  const settings = { device: "cpu", posterior: "mean", conditioning: "official" } as const;
  for await (const event of preprocess({ dataset: datasetFile, output, model: toyModel, ...settings }))
    expect(event.type).not.toBe("failed");
  const tensors = await openTensors(output);
  const { conditions, metadata } = await tensors.read(tensors.samples[0]?.id ?? "");
  const golden = readSafetensors(
    fileURLToPath(new URL("../fixtures/official-condition.safetensors", import.meta.url)),
  );
  const wanted = toFloat32(golden.tensors["cond"] as HostTensor);
  const ours = conditions[0] as Float32Array;
  expect([wanted.length, ours.length]).toEqual([769 * 160, 769 * 160]);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = wanted.reduce((most, value, at) => Math.max(most, Math.abs(value - (ours[at] as number))), 0);
  expect(worst / largest).toBeLessThan(1e-5);
  expect(metadata.segments[0]?.text[1]).toBe(golden.tensors["keep"]?.data.reduce((sum, bit) => sum + bit, 0));
});

test("the first 128 latent frames are the reference's, up to the posterior's own deviation of 0.005", () => {
  for (const [i, sample] of samples.entries()) {
    const wanted = reference(`x0.${i}`);
    const worst = wanted.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (sample.latents[at] as number))),
      0,
    );
    expect(worst).toBeLessThan(0.1);
    expect(sample.frames).toBe(Math.round(25 * (toySongs[i]?.durationS ?? 0)));
  }
});

test("the context of the first 128 frames is the reference's, bit for bit", () => {
  for (const sample of samples)
    expect(sample.contextLatents.slice(0, 128 * 128)).toEqual(reference("context"));
});
