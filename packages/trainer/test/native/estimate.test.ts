import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Adapter,
  Decoder,
  fromFloat32,
  GradientProbe,
  openDevice,
  toFloat32,
  TrainSession,
} from "@acewright/core-native";
import { readSafetensors } from "@acewright/core-native";
import { expect, test } from "vitest";
import { estimateWith } from "../../src/estimate/estimate.js";
import { toyModel, toyParts, toyRun, toySamples } from "../toy.js";
import { events, ofType, scratch } from "../trained.js";

const look = (tensors: string) => ({
  tensors,
  model: toyModel,
  rank: 8,
  rankMin: 2,
  rankMax: 32,
  cropSeconds: 1.3,
});
const openSamples = () => Promise.resolve(toySamples());

test("a probe's number is the whole weight's gradient, as a LoRA whose A is the identity meets it", async () => {
  using decoder = await Decoder.open(toyModel, { device: openDevice("cpu") });
  const shared = {
    seed: 3,
    timesteps: { law: "uniform", low: 0, high: 1 },
    timestepRounding: "exact",
    recompute: "none",
    buckets: { decoderTokens: 64, conditionTokens: 32 },
  } as const;
  const sample = await toySamples().read(0);
  const at = { sample: 0, key: 5, frames: 33 };
  for (const module of [
    "layers.1.self_attn.k_proj",
    "layers.0.cross_attn.v_proj",
    "layers.1.mlp.down_proj",
  ]) {
    using probe = await GradientProbe.open(decoder, { ...shared, targetModules: ["q_proj", module] });
    await probe.addSample(sample);
    const { squaredNorms } = await probe.measure(at, 7);

    using adapter = await Adapter.create(
      decoder,
      { kind: "lora", rank: 1, alpha: 1, targetModules: [module] },
      0,
    );
    const width = Object.values(await adapter.tensors())[0]?.shape[1] ?? 0;
    using whole = await Adapter.create(
      decoder,
      { kind: "lora", rank: width, alpha: width, targetModules: [module] },
      0,
    );
    const identity = Float32Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 1 : 0));
    await whole.setTensors({
      [`base_model.model.${module}.lora_A.weight`]: fromFloat32(identity, [width, width]),
    });
    using session = await TrainSession.open(decoder, whole, {
      ...shared,
      optimizer: { kind: "lion", beta1: 0, beta2: 0, weightDecay: 0 },
      maxGradNorm: 0,
      conditionDropout: 0,
      padding: "masked",
    });
    await session.addSample(sample);
    const { gradNorm } = await session.step({ step: 7, learningRate: 0, microBatches: [[at]] });
    const gradients = await session.gradients();
    const db = toFloat32(
      gradients[`base_model.model.${module}.lora_B.weight`] ?? fromFloat32(new Float32Array(1), [1]),
    );
    const square = db.reduce((sum, value) => sum + value * value, 0);
    expect(gradNorm).toBeGreaterThan(0);
    expect((squaredNorms.get(module) ?? 0) / square).toBeCloseTo(1, 4);
  }
});

test("estimate writes a map; train honours its modules and ranks exactly, and can be told to ignore it", async () => {
  const tensors = scratch();
  const progress: string[] = [];
  const found = await estimateWith(openSamples, look(tensors), {
    onProgress: ({ phase, done, total }) => progress.push(`${phase} ${done}/${total}`),
  });
  expect(found.interrupted).toBe(false);
  expect(progress.at(0)).toBe("gradients 1/6");
  expect(new Set(found.chosen.map(({ name }) => name.split(".").at(-2)))).toEqual(
    new Set(["self_attn", "cross_attn", "mlp"]),
  );
  expect(found.chosen.length).toBeLessThan(found.modules.length);
  expect(new Set(found.chosen.map(({ rank }) => rank)).size).toBeGreaterThan(1);

  const again = await estimateWith(openSamples, look(tensors));
  expect(again.modules).toEqual(found.modules); // spectrum taken from the map, gradients measured anew

  const output = join(scratch(), "run");
  const config = toyRun(output, { tensors, maxSteps: 1, saveEverySteps: 100 });
  const told = ofType(await events(config, {}, toyParts()), "warning").map(({ message }) => message);
  expect(told.join("\n")).toMatch(new RegExp(`fisher_map.json: ${found.chosen.length} modules with ranks`));
  const { tensors: trained } = readSafetensors(join(output, "final", "adapter_model.safetensors"));
  const ranks = Object.entries(trained)
    .filter(([name]) => name.endsWith("lora_A.weight"))
    .map(([name, { shape }]) => [name.slice("base_model.model.".length, -".lora_A.weight".length), shape[0]]);
  expect(Object.fromEntries(ranks)).toEqual(
    Object.fromEntries(found.chosen.map(({ name, rank }) => [name, rank])),
  );

  const plain = join(scratch(), "run");
  await events(toyRun(plain, { tensors, maxSteps: 1, ignoreFisherMap: true }), {}, toyParts());
  const without = Object.keys(readSafetensors(join(plain, "final", "adapter_model.safetensors")).tensors);
  expect(without.some((name) => name.includes("mlp"))).toBe(false);
});

test("a map made after a run began changes neither its resume nor its repetition from config.json", async () => {
  const tensors = scratch();
  const output = join(scratch(), "run");
  const config = toyRun(output, { tensors, maxSteps: 2, saveEverySteps: 1 });
  await events(config, {}, toyParts());
  const weights = () => readFileSync(join(output, "final", "adapter_model.safetensors"));
  const before = weights();
  const map = { version: 2, rank_pattern: { "layers.0.self_attn.q_proj": 3 } };
  writeFileSync(join(tensors, "fisher_map.json"), JSON.stringify(map));

  const written = JSON.parse(readFileSync(join(output, "config.json"), "utf8")) as typeof config;
  for (const given of [config, written]) {
    const last = (await events(given, { resume: true }, toyParts())).at(-1);
    expect(last).toMatchObject({ type: "finished", step: 2 });
    expect(weights()).toEqual(before);
  }
  const again = join(scratch(), "run");
  await events({ ...written, output: again }, {}, toyParts());
  expect(readFileSync(join(again, "final", "adapter_model.safetensors"))).toEqual(before);
});

test("a map of other songs is warned of, one that is damaged or of another model is refused", async () => {
  const tensors = scratch();
  const path = join(tensors, "fisher_map.json");
  const train = () => events(toyRun(join(scratch(), "run"), { tensors, maxSteps: 1 }), {}, toyParts());
  const map = { version: 2, rank_pattern: { "decoder.layers.0.self_attn.q_proj.weight": 3 } };
  writeFileSync(path, JSON.stringify({ ...map, acewright: { model: "other", dataset: "others" } }));
  const told = ofType(await train(), "warning").map(({ message }) => message);
  expect(told.join("\n")).toMatch(/made for another checkpoint[^]*made from other songs/);
  writeFileSync(path, JSON.stringify({ version: 2, rank_pattern: { "layers.99.self_attn.q_proj": 8 } }));
  await expect(train()).rejects.toThrow(/fisher_map.json: this model has no module layers.99/);
  writeFileSync(path, "{");
  await expect(train()).rejects.toThrow(/fisher_map.json: is not JSON.*--ignore-fisher-map/);
});

test("a stop gives what was measured and writes nothing; a budget too small is refused", async () => {
  const tensors = scratch();
  const abort = new AbortController();
  const found = await estimateWith(openSamples, look(tensors), {
    signal: abort.signal,
    onProgress: ({ done }) => {
      if (done === 2) abort.abort();
    },
  });
  expect(found).toMatchObject({ interrupted: true, batches: 2 });
  expect(() => readFileSync(join(tensors, "fisher_map.json"))).toThrow("ENOENT");
  await expect(
    estimateWith(openSamples, {
      ...look(tensors),
      spectrum: false,
      batches: 1,
      runs: 1,
      parameterBudget: 10,
    }),
  ).rejects.toThrow(/parameterBudget 10 is less/);
});

test("each pass chooses its songs anew", async () => {
  const read = new Set<number>();
  const songs = toySamples();
  const watched = () =>
    Promise.resolve({
      ...songs,
      read: (index: number) => {
        read.add(index);
        return songs.read(index);
      },
    });
  const passes = { ...look(scratch()), spectrum: false, batches: 1, runs: 6 };
  const { runs, batches } = await estimateWith(watched, passes);
  expect({ runs, batches }).toEqual({ runs: 6, batches: 6 });
  expect(read.size).toBeGreaterThan(1);
});
