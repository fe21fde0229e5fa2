import { join } from "node:path";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { abortWhen, bytesOf, events, ofType, parts, scratch, shortRun } from "../trained.js";

test("ten steps that do not count end a run only where no other comes between", async () => {
  const nanAt = (step: number) => step < 20 && step !== 9;
  const run = events(shortRun(join(scratch(), "a"), { epochs: 8 }), {}, parts({ nanAt }));
  await expect(run).rejects.toThrow(/10 steps in a row \(up to step 20\)/);
  const twice = (step: number) => step < 19 && step !== 9;
  const all = await events(shortRun(join(scratch(), "b"), { epochs: 8 }), {}, parts({ nanAt: twice }));
  expect(all.at(-1)).toMatchObject({ type: "finished", step: 24, skippedSteps: 18 });
});

/** Whatever later steps owe to losses seen: a rate that follows them, timesteps drawn by them, the best by epochs. */
const remembering: Partial<TrainConfigInput> = {
  epochs: 8,
  targetLoss: 0.2,
  targetLossWarmup: 2,
  targetLossSmoothing: 0.5,
  adaptiveTimesteps: 0.5,
  bestBy: "loss",
  saveEverySteps: 4,
};

test("a skipped step leaves nothing behind in what later steps owe to losses, also across a stop", async () => {
  const root = scratch();
  const nanAt = (step: number) => [1, 7, 8, 16].includes(step);
  const whole = await events(shortRun(join(root, "whole"), remembering), {}, parts({ nanAt }));
  const steps = ofType(whole, "step");
  expect(steps.every(({ learningRate }) => learningRate > 0)).toBe(true);
  // The mean of the newest five epochs' means, each over the steps that counted.
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const epochs = Array.from({ length: 8 }, (_, i) =>
    meanOf(steps.flatMap(({ epoch, skipped, loss }) => (epoch === i + 1 && !skipped ? [loss] : []))),
  );
  const best = ofType(whole, "best");
  expect(best.length).toBeGreaterThan(0);
  for (const { step, loss } of best)
    expect(loss).toBeCloseTo(meanOf(epochs.slice(step / 3 - 5, step / 3)), 12);

  const abort = new AbortController();
  const on = parts({ nanAt, duringStep: abortWhen(abort, (step) => step === 8) });
  await events(shortRun(join(root, "parts"), remembering), { signal: abort.signal }, on);
  await events(shortRun(join(root, "parts"), remembering), { resume: true }, parts({ nanAt }));
  for (const adapter of ["final", "best"])
    expect(bytesOf(join(root, "parts", adapter))).toEqual(bytesOf(join(root, "whole", adapter)));
});
