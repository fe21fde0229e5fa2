import { join } from "node:path";
import { planMemory } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { defaultLearningRates } from "../../src/config/optimizer.js";
import { trainWith } from "../../src/train/train.js";
import { toyModel, toyParts, toyRun } from "../toy.js";
import { bytesOf, events, ofType, scratch } from "../trained.js";

const kinds = Object.keys(defaultLearningRates) as (keyof typeof defaultLearningRates)[];
// The toy needs larger steps than a real model; Prodigy finds its own, which takes it more of them.
const rates: Partial<Record<(typeof kinds)[number], number>> = { lion: 5e-4, prodigy: 1, schedulefree: 4e-3 };

const run = (output: string, kind: (typeof kinds)[number], changes: Partial<TrainConfigInput> = {}) =>
  toyRun(output, {
    optimizer: {
      kind,
      ...(kind === "prodigy" && { initialDistance: 1e-3 }),
    } as TrainConfigInput["optimizer"],
    learningRate: rates[kind] ?? 2e-3,
    adapter: { kind: "dora", rank: 4, dropout: 0 },
    epochs: 30,
    gradientAccumulation: 3,
    saveEverySteps: 100,
    saveEveryEpochs: 100,
    validationEvery: 30,
    ...changes,
  });

test.each(kinds)(
  "%s lowers the toy's held-out-noise loss; stopped and resumed it is the same run bit for bit",
  { timeout: 120_000 },
  async (kind) => {
    const root = scratch();
    const whole = await events(run(join(root, "whole"), kind), {}, toyParts());
    const [before, after] = ofType(whole, "validation");
    console.log(`${kind}: ${before?.loss.toFixed(4)} before, ${after?.loss.toFixed(4)} after 30 steps`);
    expect(after?.loss).toBeLessThan(0.97 * (before?.loss ?? 0));

    const abort = new AbortController();
    const stopped = run(join(root, "parts"), kind);
    for await (const event of trainWith(toyParts(), stopped, { signal: abort.signal }))
      if (event.type === "step" && event.step === 13) abort.abort();
    const resumed = await events(stopped, { resume: true }, toyParts());
    expect(ofType(resumed, "validation").at(-1)?.loss).toBe(after?.loss);
    expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
  },
);

test("a run is not resumed with another optimizer, and the difference is told", async () => {
  const output = join(scratch(), "run");
  await events(run(output, "adamw", { maxSteps: 2, validationEvery: 0 }), {}, toyParts());
  await expect(
    events(run(output, "lion", { maxSteps: 4, validationEvery: 0 }), { resume: true }, toyParts()),
  ).rejects.toThrow(/cannot resume with other settings \(.*optimizer\.kind: "adamw" -> "lion"/);
});

test("rates by module and LoRA+ reach the core: B factors go further, a named module faster", async () => {
  const root = scratch();
  const norms = async (name: string, changes: Partial<TrainConfigInput>) =>
    ofType(
      await events(
        run(join(root, name), "adamw", { maxSteps: 2, validationEvery: 0, ...changes }),
        {},
        toyParts(),
      ),
      "step",
    ).map(({ loss }) => loss);
  const plain = await norms("plain", {});
  expect(await norms("plus", { loraPlusRatio: 16 })).not.toEqual(plain);
  expect(await norms("named", { learningRatePattern: { "layers.0.self_attn.q_proj": 8 } })).not.toEqual(
    plain,
  );
  await expect(norms("nothing", { learningRatePattern: { nowhere: 8 } })).rejects.toThrow(
    /learningRatePattern: "nowhere" names no module/,
  );
});

test("the plan counts each optimizer's state", async () => {
  const request = {
    batch: 1,
    frames: 32,
    conditionTokens: 32,
    adapter: { kind: "lora", rank: 64, alpha: 64, targetModules: ["*_proj"] },
    recompute: "none",
  } as const;
  const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 };
  const share = async (optimizer: Parameters<typeof planMemory>[1]["optimizer"]) => {
    const { adapterBytes, optimizerBytes } = await planMemory(toyModel, {
      ...request,
      ...(optimizer && { optimizer }),
    });
    return optimizerBytes / adapterBytes;
  };
  expect(await share(undefined)).toBeCloseTo(2, 1);
  expect(await share({ kind: "adamw8bit", ...adam })).toBeCloseTo(0.5, 1);
  expect(await share({ kind: "lion", beta1: 0.9, beta2: 0.99, weightDecay: 0 })).toBeCloseTo(1, 1);
  expect(await share({ kind: "schedulefree", ...adam })).toBeCloseTo(3, 1);
  expect(
    await share({ kind: "prodigy", ...adam, initialDistance: 1e-6, distanceCoefficient: 1 }),
  ).toBeCloseTo(4, 1);
});
