import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse-config.js";
import { unreachedSettings } from "../../src/config/unreached-settings.js";

const reach = { device: "cuda:0", steps: { steps: 40, epochs: 4 }, songFrames: [250, 500], places: 2 };
const linesOf = (settings: object) =>
  unreachedSettings(parseConfig({ tensors: "t", model: "m", output: "o", ...settings }), reach);

test.each<[object, object, RegExp]>([
  [{ cropFrames: 500 }, { cropFrames: 499 }, /^crops of 20 s cut nothing: the longest song has 20 s/],
  [{ maxSteps: 41 }, { maxSteps: 40 }, /^maxSteps 41 is not reached: epochs 100 end at step 40/],
  [{ batchSize: 3 }, { batchSize: 2 }, /^batchSize 3 is more than the 2 songs of an epoch/],
  [
    { bestAfterEpochs: 5, validationEvery: 2 },
    { bestAfterEpochs: 4 },
    /^bestAfterEpochs 5 is more than the run's epochs \(4\)/,
  ],
  [{ bestBy: "loss" }, { bestBy: "never" }, /^bestBy loss needs 5 epochs and the run has 4/],
  [{ targetLoss: 1 }, { targetLossWarmup: 39 }, /^targetLossWarmup 50 is not less than the run's 40 steps/],
])("%j is told of in a run that never comes to it, with %j it counts", (settings, beside, line) => {
  expect(linesOf(settings)).toEqual([expect.stringMatching(line)]);
  expect(linesOf({ ...settings, ...beside })).toEqual([]);
});

test("products are not tuned on a CPU", () => {
  const on = (device: string) =>
    unreachedSettings(parseConfig({ tensors: "t", model: "m", output: "o", tuneProducts: true }), {
      ...reach,
      device,
    });
  expect(on("cpu")).toEqual(["tuneProducts does nothing on the CPU, whose products leave nothing to choose"]);
  expect(on("cuda:0")).toEqual([]);
});

test("a run by its defaults comes to all of them", () => {
  expect(linesOf({})).toEqual([]);
});
