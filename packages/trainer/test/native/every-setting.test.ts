// An option that is read, checked, written to config.json and then forgotten would show nowhere else.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@acewright/core-native";
import { expect, test } from "vitest";
import { harmless } from "../../src/config/config-diff.js";
import { configFields } from "../../src/config/config-fields.js";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { findAdapter } from "../../src/export/find-adapter.js";
import { toyParts, toyRun, unlikeToySamples } from "../toy.js";
import { events, ofType, scratch } from "../trained.js";
import { lookedAt, settingsInUse, settledBefore } from "./every-setting.js";

const base: Partial<TrainConfigInput> = {
  adapter: { kind: "lora", rank: 4, dropout: 0 },
  conditionDropout: 0,
  cropFrames: 16,
  gradientAccumulation: 1,
  epochs: 1,
  maxSteps: 3,
  warmupSteps: 0,
  saveEverySteps: 1000,
  threads: 2,
};

const parts = () => ({ ...toyParts(), openSamples: () => Promise.resolve(unlikeToySamples()) });

/** The numbers a run has left: of its adapters without what they tell of their making, and of its events. */
async function numbersOf(changes: Partial<TrainConfigInput>) {
  const run = join(scratch(), "run");
  const all = await events(toyRun(run, { ...base, ...changes }), {}, parts());
  const weights = (folder: string) => {
    if (!existsSync(join(run, folder))) return {};
    const { weights: file } = findAdapter(join(run, folder));
    return Object.fromEntries(
      Object.entries(readSafetensors(file).tensors).map(([name, { data }]) => [
        name,
        Buffer.from(data).toString("base64"),
      ]),
    );
  };
  return {
    final: weights("final"),
    best: weights("best"),
    steps: ofType(all, "step").map(({ loss, gradNorm, learningRate }) => [loss, gradNorm, learningRate]),
    validations: ofType(all, "validation").map(({ step, loss, best }) => [step, loss, best]),
  };
}

const known = new Map<string, ReturnType<typeof numbersOf>>();
const onceOf = (changes: Partial<TrainConfigInput>) => {
  const key = JSON.stringify(changes);
  const numbers = known.get(key) ?? numbersOf(changes);
  known.set(key, numbers);
  return numbers;
};

test("every setting that is not said to change no number is tried here", () => {
  const fields = configFields().map(({ path }) => path.join("."));
  const named = [...Object.keys(settingsInUse), ...settledBefore];
  expect(fields.filter((field) => !harmless.has(field) && !named.includes(field))).toEqual([]);
  expect(named.filter((field) => !fields.includes(field))).toEqual([]);
});

test.each(Object.entries(settingsInUse))("%s changes the run", async (_field, { among = {}, change }) => {
  const before = await onceOf(among);
  expect(Object.keys(before.final).length).toBeGreaterThan(0);
  expect(await numbersOf({ ...among, ...change })).not.toEqual(before);
});

test.each(lookedAt)("%j changes no number", async (change) => {
  expect(await numbersOf(change)).toEqual(await onceOf({}));
});

test("asking for a validation after each step changes no step, averaged weights or not", async () => {
  for (const emaDecay of [0, 0.9]) {
    const { final, steps } = await onceOf({ emaDecay });
    expect(await numbersOf({ emaDecay, validationEvery: 1 })).toMatchObject({ final, steps });
  }
});
