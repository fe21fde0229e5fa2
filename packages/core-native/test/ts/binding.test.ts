// The native boundary under misuse: wrong handles, use after close, worker threads, closing in the middle of a step.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  Adapter,
  Decoder,
  fromFloat32,
  openDevice,
  readSafetensors,
  recomputePolicies,
  toFloat32,
  TrainSession,
  type AdapterConfig,
  type HostTensor,
  type LossWeighting,
  type SampleRef,
  type TrainSessionConfig,
} from "@acewright/core-native";
import { expect, test } from "vitest";
import { binding } from "../../ts/load.js";

const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
const toy = fileURLToPath(new URL("../../../../tools/reference/toy", import.meta.url));
const checkpoint = join(toy, "checkpoints/acestep-v15-toy");
const { tensors } = readSafetensors(join(toy, "expected.safetensors"));
const lora: AdapterConfig = {
  kind: "lora",
  rank: 4,
  alpha: 4,
  dropout: 0.1,
  targetModules: ["q_proj", "k_proj", "v_proj", "o_proj"],
};
const settings: TrainSessionConfig = {
  seed: 7,
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
  maxGradNorm: 1,
  timesteps: { law: "logit-normal-max2", mu: -0.4, sigma: 1 },
  timestepRounding: "exact",
  conditionDropout: 0.3,
  recompute: "none",
  buckets: { decoderTokens: 64, conditionTokens: 32 },
  padding: "masked",
};

function values(name: string): Float32Array {
  return toFloat32(tensors[name] as HostTensor);
}

async function openSession(
  options: { config?: Partial<TrainSessionConfig>; threads?: number; adapter?: AdapterConfig } = {},
): Promise<{ decoder: Decoder; adapter: Adapter; session: TrainSession }> {
  const device = openDevice("cpu", { threads: options.threads ?? 1 });
  const decoder = await Decoder.open(checkpoint, { device });
  const adapter = await Adapter.create(decoder, options.adapter ?? lora, 1);
  const session = await TrainSession.open(decoder, adapter, { ...settings, ...options.config });
  for (const clip of [0, 1, 2]) {
    await session.addSample({
      latents: values(`x0.${clip}`),
      conditions: [values(`cond.${clip}`)],
      contextLatents: values("context"),
    });
  }
  return { decoder, adapter, session };
}

const batch = (...samples: number[]): SampleRef[] => samples.map((sample) => ({ sample, key: sample }));

async function trainedTensors(
  options: Parameters<typeof openSession>[0],
  steps: number,
  batches: SampleRef[][] = [batch(0, 1), batch(2)],
): Promise<Record<string, HostTensor>> {
  const { adapter, session } = await openSession(options);
  for (let step = 0; step < steps; step++)
    await session.step({ step, learningRate: 1e-3, microBatches: batches });
  const result = await adapter.tensors();
  session.close();
  return result;
}

test("binding.ts declares exactly what the addon exports", () => {
  const source = readFileSync(join(packageFolder, "ts/binding.ts"), "utf8");
  const body = source.slice(source.indexOf("export interface Binding {"));
  const declared = [...body.matchAll(/^ {2}([a-zA-Z]+)\(/gm)].map((match) => match[1]);
  const addon = createRequire(import.meta.url)(
    join(packageFolder, "build/Release/acewright_core.node"),
  ) as object;
  expect(Object.keys(addon).sort()).toEqual(declared.sort());
});

test("what a build holds of CUDA is what its kernels are written for", ({ skip }) => {
  const cuda = binding().cudaDevices();
  if (cuda.architectures === "") skip("built without CUDA");
  const numbers = [...cuda.supported.matchAll(/(\d+)\.(\d) \(/g)].map(
    ([, major, minor]) => `${major}${minor}`,
  );
  expect(numbers).toContain("90");
  for (const architecture of cuda.architectures.split(",")) expect(numbers).toContain(architecture);
});

test("what is for a GPU's products is refused on the CPU, which leaves them nothing to choose", async () => {
  const device = openDevice("cpu", { threads: 1 });
  expect(await device.algorithms()).toBe("");
  for (const [refused, message] of [
    [device.tuneProducts(true), "products are tuned on a CUDA device, this is the CPU"],
    [
      device.useAlgorithms("cuBLASLt 13.0.2\n"),
      "the recorded algorithms are of a CUDA device, this is the CPU",
    ],
  ] as const)
    await expect(refused).rejects.toMatchObject({ code: "ERR_CONFIG", message });
});

test("any number of threads gives the same adapter bit for bit", async () => {
  const one = await trainedTensors({ threads: 1 }, 3);
  expect(await trainedTensors({ threads: 2 }, 3)).toEqual(one);
  expect(await trainedTensors({ threads: 3 }, 3)).toEqual(one);
});

test("every recompute policy gives the same adapter bit for bit, and less memory in its order", async () => {
  const none = await trainedTensors({ config: { recompute: "none" } }, 3);
  let least = Infinity;
  const mixed = ["none", "cheap:1", "cheap", "mlp:1", "mlp", "block:1", "block"] as const;
  expect(mixed.filter((policy) => !policy.includes(":"))).toEqual(recomputePolicies);
  for (const recompute of mixed) {
    expect(await trainedTensors({ config: { recompute } }, 3), recompute).toEqual(none);
    const { session } = await openSession({ config: { recompute } });
    await session.step({ step: 0, learningRate: 0, microBatches: [batch(0, 1, 2)] });
    const { arenaBytes } = await session.memory();
    session.close();
    expect(arenaBytes, recompute).toBeLessThan(least);
    least = arenaBytes;
  }
});

test("timesteps are exact, or rounded to bf16 as the official trainer's are", async () => {
  const asBf16 = (value: number) => toFloat32(fromFloat32(Float32Array.of(value), [1], "BF16"))[0];
  const microBatches = [[{ sample: 0, key: 0, timestep: 0.3001 }], [{ sample: 1, key: 1 }]];
  const losses: number[] = [];
  const drawn: number[] = [];
  for (const timestepRounding of ["exact", "bf16"] as const) {
    const { session } = await openSession({ config: { timestepRounding } });
    const { samples } = await session.evaluate(microBatches);
    expect(samples[0]?.timestep).toBe(timestepRounding === "bf16" ? asBf16(0.3001) : Math.fround(0.3001));
    losses.push(samples[0]?.loss ?? NaN);
    drawn.push(samples[1]?.timestep ?? NaN);
    session.close();
  }
  expect(drawn[1]).toBe(asBf16(drawn[0] ?? NaN));
  expect(drawn[1]).not.toBe(drawn[0]);
  // 0.3001 becomes 0.30078: another question, but nearly the same.
  expect(losses[1]).not.toBe(losses[0]);
  expect(Math.abs((losses[1] ?? NaN) / (losses[0] ?? NaN) - 1)).toBeLessThan(0.05);
});

test("losses are weighted by timestep and by sample, and told without weights", async () => {
  const microBatches = [[{ sample: 0, key: 0, timestep: 0.2, weight: 3, dropCondition: false }]];
  const shareUnder = async (lossWeighting?: LossWeighting) => {
    const { session } = await openSession({ config: lossWeighting === undefined ? {} : { lossWeighting } });
    const { loss, samples } = await session.step({ step: 0, learningRate: 0, microBatches });
    session.close();
    return loss / (samples[0]?.loss ?? NaN);
  };
  expect(await shareUnder()).toBeCloseTo(3, 6);
  expect(await shareUnder({ law: "min-snr", gamma: 5 })).toBeCloseTo((3 * 5) / 16, 6);
  expect(await shareUnder({ law: "min-snr-inverse", gamma: 0.01 })).toBeCloseTo(3 * 0.01 * 16, 6);
  const points = [
    [0.1, 1],
    [0.3, 2],
  ] as const;
  expect(await shareUnder({ law: "table", points })).toBeCloseTo(4.5, 6);
  await expect(shareUnder({ law: "min-snr", gamma: 0 })).rejects.toThrow(/lossWeighting\.gamma/);
  await expect(shareUnder({ law: "table", points: [] })).rejects.toThrow(/lossWeighting\.points/);
});

test("three micro-batches of one are one batch of three", async () => {
  const whole = await trainedTensors({}, 2, [batch(0, 1, 2)]);
  const split = await trainedTensors({}, 2, [batch(0), batch(1), batch(2)]);
  let difference = 0;
  let size = 0;
  for (const [name, tensor] of Object.entries(whole)) {
    const [a, b] = [toFloat32(tensor), toFloat32(split[name] as HostTensor)];
    a.forEach((value, i) => {
      difference += (value - (b[i] as number)) ** 2;
      size += value ** 2;
    });
  }
  expect(Math.sqrt(difference / size)).toBeLessThan(1e-6);
});

test("a session set back to a saved state goes on bit for bit", async () => {
  const straight = await trainedTensors({}, 5);
  const { adapter, session } = await openSession();
  for (let step = 0; step < 2; step++)
    await session.step({ step, learningRate: 1e-3, microBatches: [batch(0, 1), batch(2)] });
  const [weights, state] = [await adapter.tensors(), await session.state()];
  session.close();
  const later = await openSession();
  await later.adapter.setTensors(weights);
  await later.session.setState(state);
  for (let step = 2; step < 5; step++)
    await later.session.step({ step, learningRate: 1e-3, microBatches: [batch(0, 1), batch(2)] });
  expect(await later.adapter.tensors()).toEqual(straight);
});

test("tensors and state outlive what gave them: later steps and closing change nothing of them", async () => {
  const { adapter, session } = await openSession();
  await session.step({ step: 0, learningRate: 1e-3, microBatches: [batch(0)] });
  const given = [await adapter.tensors(), await session.state()];
  const copy = structuredClone(given);
  await session.step({ step: 1, learningRate: 1e-3, microBatches: [batch(1)] });
  session.close();
  adapter.close();
  globalThis.gc?.();
  expect(given).toEqual(copy);
  const [name = ""] = Object.keys(given[1] ?? {});
  given[1]?.[name]?.data.fill(1);
  expect(given[1]?.[name]?.data).not.toEqual(copy[1]?.[name]?.data);
});

test("state of another adapter is refused and nothing is changed", async () => {
  const { session } = await openSession();
  const other = await openSession({ adapter: { ...lora, rank: 2 } });
  await other.session.step({ step: 0, learningRate: 1e-3, microBatches: [batch(0)] });
  const before = await session.state();
  await expect(session.setState(await other.session.state())).rejects.toMatchObject({
    code: "ERR_CHECKPOINT",
  });
  expect(await session.state()).toEqual(before);
});

test("a NaN in the data skips the step: weights, moments and counter stand still", async () => {
  const { adapter, session } = await openSession();
  const poisoned = values("x0.0");
  poisoned[77] = Number.NaN;
  const bad = await session.addSample({
    latents: poisoned,
    conditions: [values("cond.0")],
    contextLatents: values("context"),
  });
  await session.step({ step: 0, learningRate: 1e-3, microBatches: [batch(0)] });
  const before = [await adapter.tensors(), await session.state()];
  const result = await session.step({ step: 1, learningRate: 1e-3, microBatches: [batch(1), batch(bad)] });
  expect(result.skipped).toBe(true);
  expect([await adapter.tensors(), await session.state()]).toEqual(before);
  const next = await session.step({ step: 2, learningRate: 1e-3, microBatches: [batch(1)] });
  expect(next.skipped).toBe(false);
});

test("evaluation changes nothing and repeats to the bit", async () => {
  const { adapter, session } = await openSession();
  const before = await adapter.tensors();
  const first = await session.evaluate([batch(0, 1, 2)], { seed: 5, step: 1 });
  expect(await session.evaluate([batch(0, 1, 2)], { seed: 5, step: 1 })).toEqual(first);
  expect((await session.evaluate([batch(0, 1, 2)], { seed: 6, step: 1 })).loss).not.toBe(first.loss);
  expect(first.samples.every(({ conditionDropped }) => !conditionDropped)).toBe(true);
  expect(await adapter.tensors()).toEqual(before);
});

test.each<[string, SampleRef, RegExp]>([
  ["a sample that was never added", { sample: 9, key: 0 }, /sample 9 was never added/],
  [
    "a crop past the end",
    { sample: 0, key: 0, start: 100, frames: 60 },
    /frames 100 to 160 are not within its 128/,
  ],
  ["a crop shorter than a patch", { sample: 0, key: 0, frames: 1 }, /not within/],
  ["a variant that is not there", { sample: 0, key: 0, variant: 2 }, /no condition variant 2/],
  [
    "noise of another length",
    { sample: 0, key: 0, noise: new Float32Array(64) },
    /noise: 64 numbers do not fit 128 frames/,
  ],
  ["a timestep above 1", { sample: 0, key: 0, timestep: 1.5 }, /timestep/],
  ["half a frame", { sample: 0, key: 0, start: 0.5 }, /start: expected a whole number/],
  ["a sample that is no number", { sample: NaN, key: 0 }, /sample: expected a whole number/],
  [
    "more frames than can be counted",
    { sample: 0, key: 0, frames: 1e300 },
    /frames: expected a whole number/,
  ],
  ["endless variants", { sample: 0, key: 0, variant: Infinity }, /variant: expected a whole number/],
])("%s is refused in one line", async (_, ref, message) => {
  const { session } = await openSession();
  const call = session.step({ step: 0, learningRate: 1e-3, microBatches: [[ref]] });
  await expect(call).rejects.toMatchObject({ message: expect.stringMatching(message) as string });
});

test("what was closed says so, and closing twice is fine", async () => {
  const { decoder, adapter, session } = await openSession();
  session.close();
  session.close();
  await expect(session.step({ step: 0, learningRate: 1, microBatches: [batch(0)] })).rejects.toMatchObject({
    code: "ERR_DISPOSED",
  });
  adapter.close();
  await expect(adapter.tensors()).rejects.toMatchObject({ code: "ERR_DISPOSED" });
  decoder.close();
  await expect(Adapter.create(decoder, lora, 1)).rejects.toMatchObject({ code: "ERR_DISPOSED" });
});

test("closing everything in the middle of a step lets the step finish", async () => {
  const { decoder, adapter, session } = await openSession();
  const running = session.step({ step: 0, learningRate: 1e-3, microBatches: [batch(0, 1, 2)] });
  session.close();
  adapter.close();
  decoder.close();
  expect((await running).skipped).toBe(false);
});

test("an adapter of one decoder cannot train on another", async () => {
  const { adapter } = await openSession();
  const other = await Decoder.open(checkpoint);
  await expect(TrainSession.open(other, adapter, settings)).rejects.toMatchObject({ code: "ERR_CONFIG" });
});

test("the addon works in worker threads, several at once", async () => {
  const source = `
    const { workerData, parentPort } = require("node:worker_threads");
    import(workerData.door).then(async ({ Decoder, Adapter }) => {
      const decoder = await Decoder.open(workerData.checkpoint);
      const adapter = await Adapter.create(decoder, workerData.config, 1);
      let refused = "";
      try { await Decoder.open("/nowhere"); } catch (error) { refused = error.code; }
      parentPort.postMessage([decoder.moduleNames.length, adapter.parameterCount, refused]);
    });`;
  const door = createRequire(import.meta.url).resolve("@acewright/core-native");
  const run = (): Promise<unknown> =>
    new Promise((done, fail) => {
      const worker = new Worker(source, { eval: true, workerData: { door, checkpoint, config: lora } });
      worker.once("message", done);
      worker.once("error", fail);
    });
  const decoder = await Decoder.open(checkpoint);
  const adapter = await Adapter.create(decoder, lora, 1);
  const want = [decoder.moduleNames.length, adapter.parameterCount, "ERR_FILE"];
  expect(await Promise.all([run(), run(), run()])).toEqual([want, want, want]);
});

test("memory does not grow over 100 steps, and the event loop stays free", async () => {
  const { session } = await openSession();
  const step = (index: number) =>
    session.step({ step: index, learningRate: 1e-4, microBatches: [batch(0, 1, 2)] });
  for (let i = 0; i < 10; i++) await step(i);
  const before = process.memoryUsage.rss();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  for (let i = 10; i < 110; i++) await step(i);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(50);
  expect(process.memoryUsage.rss() - before).toBeLessThan(8 << 20);
});

test.each([
  ["cuda", /CUDA/],
  ["cuda:1", /CUDA/],
] as const)("asking for %s without it is told, never replaced by the CPU", (name, message) => {
  expect(() => openDevice(name)).toThrow(message);
});

test("a device needs a sensible number of threads", () => {
  expect(() => openDevice("cpu", { threads: 0 })).toThrow(/threads/);
  expect(() => openDevice("cpu", { threads: 1.5 })).toThrow(/threads/);
});
