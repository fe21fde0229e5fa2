import { join } from "node:path";
import type { StepInput } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { epochBatches, type EpochSettings, type SongShape } from "../../src/plan/epoch.js";
import { planRunWith } from "../../src/plan-run.js";
import type { Mischief } from "../quadratic-model.js";
import { testSongs } from "../quadratic-model.js";
import { toyParts, toyRun, toySamples } from "../toy.js";
import { abortWhen, bytesOf, events, ofType, parts, scratch, shortRun } from "../trained.js";

const settings: EpochSettings = {
  seed: 42,
  repeats: 2,
  batchSize: 1,
  cropFrames: undefined,
  cropPlacement: "even",
  bucketFrames: 128,
  bucketConditionTokens: 32,
  regularizationRatio: 0.5,
  captionDropout: 0,
  lyricsDropout: 0,
};
const shapes = (count: number): SongShape[] =>
  Array.from({ length: count }, () => ({ frames: 20, conditionTokens: [3] }));

test("an epoch has so many of them for each of its own, in turn over the epochs, among the others", () => {
  const met = Array.from({ length: 7 }, (_, epoch) =>
    epochBatches(shapes(5), settings, epoch, shapes(7))
      .flat()
      .map(({ song }) => song),
  );
  for (const songs of met) {
    expect(songs).toHaveLength(15);
    for (let own = 0; own < 5; own++) expect(songs.filter((song) => song === own)).toHaveLength(2);
    expect(songs.slice(-5).every((song) => song >= 5)).toBe(false);
  }
  const times = Array.from({ length: 7 }, (_, i) => met.flat().filter((song) => song === 5 + i).length);
  expect(times).toEqual([5, 5, 5, 5, 5, 5, 5]);
  const few = epochBatches(shapes(5), { ...settings, regularizationRatio: 0.01, batchSize: 4 }, 0, shapes(7));
  expect(few.map((batch) => batch.length)).toContain(3);
  expect(few.flat()).toHaveLength(11);
});

const mixed = (mischief: Mischief = {}) =>
  parts(mischief, {
    openSamples: (folder) =>
      Promise.resolve(folder === "other" ? testSongs([32, 48], { hash: "e".repeat(64) }) : testSongs()),
  });
const config = (output: string, changes: Partial<TrainConfigInput> = {}) =>
  shortRun(output, {
    regularization: "other",
    regularizationRatio: 0.4,
    regularizationWeight: 3,
    ...changes,
  });

test("a run mixes them in by weight, tells their loss apart, holds none of them out, and resumes bit for bit", async () => {
  const root = scratch();
  const inputs: StepInput[] = [];
  const watched = mixed({ onStep: (input) => inputs.push(input) });
  const whole = await events(config(join(root, "whole"), { validationFraction: 0.2 }), {}, watched);
  const [started] = ofType(whole, "started");
  // Four songs of five, and round(0.4 x 4) of the set.
  expect(started?.plan).toMatchObject({
    trainingSongs: 4,
    validationSongs: 1,
    regularizationSongs: 2,
    batchesPerEpoch: 6,
  });
  const weights = inputs.flatMap(({ microBatches }) => microBatches.flat().map(({ weight }) => weight));
  expect(weights.filter((weight) => weight === 3)).toHaveLength(4);
  expect(weights.filter((weight) => weight === undefined)).toHaveLength(8);
  const told = ofType(whole, "step").filter(({ regularizationLoss }) => regularizationLoss !== undefined);
  const having = inputs.filter(({ microBatches }) => microBatches.flat().some(({ weight }) => weight === 3));
  expect(told.map(({ step }) => step)).toEqual(having.map(({ step }) => step + 1));

  const abort = new AbortController();
  const stopping = mixed({ duringStep: abortWhen(abort, (step) => step === 2) });
  const cut = config(join(root, "cut"), { validationFraction: 0.2 });
  await events(cut, { signal: abort.signal }, stopping);
  await events(cut, { resume: true }, mixed());
  expect(bytesOf(join(root, "cut", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
});

test("on the real core the weight reaches the gradient", async () => {
  const root = scratch();
  const trained = async (name: string, regularizationWeight: number) => {
    const run = toyRun(join(root, name), {
      regularization: "other",
      regularizationWeight,
      maxSteps: 2,
      epochs: 2,
      gradientAccumulation: 8,
    });
    await events(run, {}, { ...toyParts(), openSamples: () => Promise.resolve(toySamples()) });
    return bytesOf(join(root, name, "final"));
  };
  expect(await trained("one", 1)).not.toEqual(await trained("five", 5));
});

test("another set is another run, and one of another width or model is refused", async () => {
  const root = scratch();
  const run = join(root, "run");
  await events(config(run, { maxSteps: 2, epochs: 1 }), {}, mixed());
  const changed = parts(
    {},
    { openSamples: (folder) => Promise.resolve(folder === "other" ? testSongs([32, 40]) : testSongs()) },
  );
  await expect(events(config(run, { maxSteps: 2, epochs: 1 }), { resume: true }, changed)).rejects.toThrow(
    /dataset/,
  );
  const foreign = (change: object) =>
    parts(
      {},
      {
        openSamples: (folder) =>
          Promise.resolve(folder === "other" ? { ...testSongs([32]), ...change } : testSongs()),
      },
    );
  const begun = (change: object) => events(config(join(root, "new")), {}, foreign(change));
  await expect(begun({ encoderHiddenSize: 16 })).rejects.toThrow(
    "other: encoder_hidden_states are 16 wide, those of songs 8; preprocess both with one model",
  );
  await expect(begun({ madeWith: { name: "base", fingerprint: "else" } })).rejects.toThrow(
    /^other: the songs were preprocessed with base, another checkpoint/,
  );
});

test("the plan knows them", async () => {
  const { native, openSamples } = mixed();
  const with_ = await planRunWith({ native, openSamples }, config("run"));
  const without = await planRunWith({ native, openSamples }, shortRun("run"));
  expect(with_.batchesPerEpoch).toBe(without.batchesPerEpoch + 2);
  expect(with_.audioS).toBeGreaterThan(without.audioS);
});
