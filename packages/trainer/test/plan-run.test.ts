import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { planRunWith } from "../src/plan-run.js";
import { toyParts, toyRun } from "./toy.js";
import { events, ofType, parts, scratch, shortRun } from "./trained.js";

test("the plan is the one the run then has, and nothing is written", async () => {
  const run = join(scratch(), "run");
  const config = shortRun(run, { batchSize: 2, validationFraction: 0.2, datasetRepeats: 3 });
  const planned = await planRunWith(parts(), config);
  expect(existsSync(run)).toBe(false);
  const [started] = ofType(await events(config), "started");
  expect({ ...planned, parameters: started?.plan.parameters }).toMatchObject(started?.plan ?? {});
  expect(planned.config).toEqual(started?.config);
  expect(planned).toMatchObject({
    trainingSongs: 4,
    validationSongs: 1,
    batchesPerEpoch: 6,
    stepsPerEpoch: 3,
    steps: 6,
  });
  expect(planned.audioS).toBeCloseTo((40 + 56 + 64 + 24 + 80) / 25);
});

test("on the toy the plan's bytes add up and grow with what is kept", async () => {
  const plan = (changes: object) => planRunWith(toyParts(), toyRun("run", { cropFrames: 128, ...changes }));
  const block = await plan({ recompute: "block" });
  const none = await plan({ recompute: "none" });
  expect(none.memory.arenaBytes).toBeGreaterThan(block.memory.arenaBytes);
  const { totalBytes, flopsPerMicroBatch, ...bytes } = block.memory;
  expect(totalBytes).toBe(Object.values(bytes).reduce((sum, part) => sum + part, 0));
  expect(flopsPerMicroBatch).toBeGreaterThan(1e6);
  expect(block.checkpointBytes).toBe(3 * block.memory.adapterBytes);
});

test("a validation that leaves nothing to train on is refused", async () => {
  const songs = (await import("./quadratic-model.js")).testSongs([40]);
  const on = parts({}, { openSamples: () => Promise.resolve(songs) });
  await expect(planRunWith(on, shortRun("run", { validationFraction: 0.5 }))).rejects.toThrow(
    "validationFraction 0.5 of 1 songs leaves none to train on; lower it or use 0",
  );
});

test("asked to measure, the plan tells a time that the run then keeps to", async () => {
  const root = scratch();
  const config = toyRun(join(root, "run"), { epochs: 8, saveEverySteps: 100 });
  const { speed, steps } = await planRunWith(toyParts(), config, { measure: true });
  expect(existsSync(join(root, "run"))).toBe(false);
  expect(speed?.expectedS).toBeCloseTo((speed?.secondsPerStep ?? 0) * steps, 6);
  const begin = performance.now();
  await events(config, {}, toyParts());
  const took = (performance.now() - begin) / 1000;
  // A shared machine: the right order of magnitude is what can be promised.
  expect(speed?.expectedS).toBeGreaterThan(took / 20);
  expect(speed?.expectedS).toBeLessThan(took * 10);
});
