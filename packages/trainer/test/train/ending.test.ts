import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { testSongs } from "../quadratic-model.js";
import { abortWhen, bytesOf, events, ofType, parts, scratch, shortRun } from "../trained.js";

/** A validation whose answers follow a script, the last one for good; one question each. */
function scripted(losses: readonly number[]) {
  let asked = 0;
  return () => losses[Math.min(asked++, losses.length - 1)] ?? NaN;
}

const oneQuestion: Partial<TrainConfigInput> = {
  epochs: 10,
  validationFraction: 0.2,
  validationEvery: 1,
  validationDraws: 1,
};

test("a run ends when no better validation came for as long as the patience lasts", async () => {
  const run = join(scratch(), "run");
  const on = parts({ answer: scripted([0.9, 0.5, 0.7, 0.6, 0.8, 0.4]) });
  const all = await events(shortRun(run, { ...oneQuestion, earlyStopPatience: 3 }), {}, on);
  expect(ofType(all, "validation").map(({ step, best }) => [step, best])).toEqual([
    [0, true],
    [1, true],
    [2, false],
    [3, false],
    [4, false],
  ]);
  expect(all.at(-1)).toMatchObject({
    type: "finished",
    step: 4,
    stoppedEarly: { best: { step: 1, loss: 0.5 } },
  });
  expect(existsSync(join(run, "checkpoints", "step-00000004"))).toBe(true);
  // Resumed, it ends at once, with the same adapter.
  const before = bytesOf(join(run, "final"));
  const again = await events(shortRun(run, { ...oneQuestion, earlyStopPatience: 3 }), { resume: true });
  expect(again.map(({ type }) => type)).toEqual(["started", "finished"]);
  expect(bytesOf(join(run, "final"))).toEqual(before);
});

test("the patience is counted anew from each better validation", async () => {
  const on = parts({ answer: scripted([0.9, 0.95, 0.5, 0.6, 0.7, 0.8]) });
  const all = await events(
    shortRun(join(scratch(), "run"), { ...oneQuestion, earlyStopPatience: 2 }),
    {},
    on,
  );
  expect(all.at(-1)).toMatchObject({ step: 4, stoppedEarly: { best: { step: 2, loss: 0.5 } } });
});

test("a validation that is not finite is never the best, the first one neither", async () => {
  const on = parts({ answer: scripted([NaN, 0.5, -Infinity, 0.4]) });
  const all = await events(shortRun(join(scratch(), "run"), { ...oneQuestion, maxSteps: 3 }), {}, on);
  expect(ofType(all, "validation").map(({ best }) => best)).toEqual([false, true, false, true]);
});

test("the first epoch in which an adapter can be the best is the one after those asked for", async () => {
  const on = parts({ answer: scripted([0.9]) });
  const all = await events(shortRun(join(scratch(), "run"), { ...oneQuestion, bestAfterEpochs: 1 }), {}, on);
  const first = ofType(all, "validation").find(({ best }) => best);
  // Four songs, two a step: an epoch is two steps.
  expect(first?.step).toBe(2);
});

test("an improvement too small does not count", async () => {
  const on = parts({ answer: scripted([0.5, 0.4999, 0.45, 0.4499]) });
  const all = await events(
    shortRun(join(scratch(), "run"), { ...oneQuestion, minImprovement: 0.01, maxSteps: 3 }),
    {},
    on,
  );
  expect(ofType(all, "validation").map(({ best }) => best)).toEqual([true, false, true, false]);
});

test("by the loss of five epochs the best adapter is kept, after the epochs asked for", async () => {
  const run = join(scratch(), "run");
  const all = await events(
    shortRun(run, { epochs: 8, bestBy: "loss", bestAfterEpochs: 6, learningRate: 0.05 }),
  );
  const best = ofType(all, "best");
  expect(best.map(({ step }) => step)).toEqual([18, 21, 24]);
  expect(best[1]?.loss).toBeLessThan(best[0]?.loss ?? 0);
  expect(bytesOf(join(run, "best"))).toEqual(bytesOf(join(run, "final")));
});

test("a rate too high for its loss ends by epochs, and a resumed run ends where a whole one does", async () => {
  const root = scratch();
  const config = (output: string): TrainConfigInput =>
    shortRun(join(root, output), {
      epochs: 40,
      bestBy: "loss",
      earlyStopPatience: 2,
      schedule: "constant",
      learningRate: 0.3,
      saveEverySteps: 2,
      targetLossWarmup: 3,
    });
  const whole = await events(config("whole"));
  const end = ofType(whole, "finished")[0];
  expect(end?.stoppedEarly).toBeDefined();
  const abort = new AbortController();
  const stopAt = (end?.step ?? 0) - 4;
  const on = parts({ duringStep: abortWhen(abort, (step) => step === stopAt) });
  await events(config("parts"), { signal: abort.signal }, on);
  const resumed = await events(config("parts"), { resume: true });
  expect(ofType(resumed, "finished")[0]).toMatchObject({ step: end?.step, stoppedEarly: end?.stoppedEarly });
  expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
});

test("near its target loss a run slows down, and resumes at the same rates", async () => {
  const root = scratch();
  const rates = async (output: string, stopAt?: number) => {
    const told: number[] = [];
    const config = shortRun(join(root, output), {
      epochs: 10,
      schedule: "constant",
      warmupSteps: 0,
      learningRate: 0.05,
      targetLoss: 0.2,
      targetLossWarmup: 4,
      targetLossSmoothing: 0.5,
    });
    const abort = new AbortController();
    const onStep = ({ learningRate }: { learningRate: number }) => told.push(learningRate);
    const duringStep = abortWhen(abort, (step) => step === stopAt);
    await events(config, { signal: abort.signal }, parts({ onStep, duringStep }));
    if (stopAt !== undefined) await events(config, { resume: true }, parts({ onStep }));
    return told;
  };
  const whole = await rates("whole");
  expect(whole.slice(0, 4)).toEqual([0.05, 0.05, 0.05, 0.05]);
  expect(Math.min(...whole)).toBeLessThan(0.05 * 0.02);
  expect(await rates("parts", 17)).toEqual(whole);
});

test("a held-out loss that rises while the training loss falls is told", async () => {
  const on = parts({ answer: scripted([0.5, 0.4, 0.41, 0.42, 0.43, 0.44]) });
  const all = await events(
    shortRun(join(scratch(), "run"), { ...oneQuestion, validationEvery: 8, epochs: 20, learningRate: 0.05 }),
    {},
    on,
  );
  const told = ofType(all, "warning").filter(({ message }) => message.includes("by heart"));
  expect(told).toHaveLength(1);
  expect(told[0]?.message).toMatch(/three times in a row \(now 0\.4300\).*that of step 8 \(0\.4000\)/);
});

test("without held-out songs nothing is said of learning by heart", async () => {
  const openSamples = () => Promise.resolve(testSongs([40]));
  const on = parts({ answer: scripted([0.5, 0.4, 0.41, 0.42, 0.43, 0.44]) }, { openSamples });
  const changes = { ...oneQuestion, validationFraction: 0, validationEvery: 12, epochs: 60 };
  const all = await events(shortRun(join(scratch(), "run"), { ...changes, learningRate: 0.05 }), {}, on);
  expect(ofType(all, "validation").map(({ loss }) => loss)).toEqual([0.5, 0.4, 0.41, 0.42, 0.43, 0.44]);
  const losses = ofType(all, "step").map(({ loss }) => loss);
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
  expect(ofType(all, "warning")).toEqual([]);
});

test("a validation tells its loss by timestep", async () => {
  const all = await events(
    shortRun(join(scratch(), "run"), { validationEvery: 100, validationDraws: 8, maxSteps: 1 }),
  );
  const { loss, byTimestep } = ofType(all, "validation")[0] ?? { loss: 0, byTimestep: [] };
  expect(byTimestep.map(({ from, to }) => [from, to])).toEqual([
    [0, 0.2],
    [0.2, 0.4],
    [0.4, 0.6],
    [0.6, 0.8],
    [0.8, 1],
  ]);
  const samples = byTimestep.reduce((sum, part) => sum + part.samples, 0);
  expect(samples).toBe(5 * 8);
  expect(byTimestep.reduce((sum, part) => sum + part.loss * part.samples, 0) / samples).toBeCloseTo(loss, 12);
});

test.each([
  [{ earlyStopPatience: 2 }, /earlyStopPatience needs validationEvery, or bestBy loss/],
  [{ bestBy: "validation" }, /bestBy validation needs validationEvery/],
  [
    { targetLoss: 0.3, earlyStopPatience: 2, bestBy: "loss" },
    /earlyStopPatience cannot be combined with targetLoss/,
  ],
] as const)("%o is refused", async (changes, message) => {
  await expect(events(shortRun(join(scratch(), "run"), changes))).rejects.toThrow(message);
});
