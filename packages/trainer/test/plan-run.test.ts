import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { MemoryPlan, PlanRequest } from "@acewright/core-native";
import { planRunWith } from "../src/plan-run.js";
import { keptBy } from "./plan/kept-by.js";
import { readRunConfig } from "../src/run/run-folder.js";
import { memory } from "./quadratic-model.js";
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
  // AdamW's two moments beside the adapter, and at most some kilobytes more.
  const checkpoint = 3 * block.memory.adapterBytes;
  expect(block.checkpointBytes).toBeGreaterThanOrEqual(checkpoint);
  expect(block.checkpointBytes).toBeLessThan(checkpoint + 32_768);
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

const needed = keptBy({ none: 8, cheap: 4, mlp: 2, block: 1 }, 1);
/** `block` needs 1 GiB, what is faster more. */
const growing = ({ recompute }: PlanRequest): MemoryPlan => ({
  ...memory,
  totalBytes: needed(recompute) * 2 ** 30,
});

test("for another machine: the kind is the device's, the memory what was named", async () => {
  const plan = (memoryBytes: number, device = "cuda") =>
    planRunWith(parts({ plan: growing }), shortRun("run", { device }), { memoryBytes });
  expect(await plan(3 * 2 ** 30)).toMatchObject({
    device: { name: "cuda:0", freeBytes: 3 * 2 ** 30 },
    recompute: { policy: "mlp", fits: true },
    config: { recompute: "mlp", environment: { device: "cuda" } },
  });
  expect(await plan(2 ** 30)).toMatchObject({ recompute: { policy: "block", fits: false } });
  expect((await plan(2 ** 34, "cpu")).device.name).toBe("cpu");
  const measured = planRunWith(parts(), shortRun("run"), { memoryBytes: 1e9, measure: true });
  await expect(measured).rejects.toThrow(/cannot be measured here/);
});

test("on the toy: memory between two policies is used, and the fewest layers recomputed that it takes", async () => {
  const run = toyRun("run", { cropFrames: 128, device: "cpu" });
  const others = 2 ** 29; // what is kept back
  const needOf = async (recompute: "cheap" | "mlp:2" | "mlp:3" | "mlp:4" | "mlp") => {
    const plan = await planRunWith(toyParts(), { ...run, recompute }, { memoryBytes: 2 ** 33 });
    return plan.memory.totalBytes + others;
  };
  const [cheap, two, three, four, mlp] = [
    await needOf("cheap"),
    await needOf("mlp:2"),
    await needOf("mlp:3"),
    await needOf("mlp:4"),
    await needOf("mlp"),
  ];
  expect([cheap, two, three, four]).toEqual([cheap, two, three, four].sort((a, b) => b - a));
  expect(mlp).toBeLessThan(three);
  const policyOf = async (memoryBytes: number) => {
    const plan = await planRunWith(toyParts(), run, { memoryBytes });
    expect(plan.recompute.verdict).toBe("green");
    return plan.config.recompute;
  };
  expect(await policyOf(three)).toBe("mlp:3");
  expect(await policyOf(three - 1)).toBe("mlp:4");
  expect(await policyOf(two)).toBe("mlp:2");
});

test("a run chooses its policy, tells it and writes it down; one that is too large is refused before it starts", async () => {
  const root = scratch();
  const on = (freeBytes: number, name: "cpu" | "cuda:0" = "cuda:0") =>
    parts({ plan: growing, device: { name, freeBytes, memoryBytes: 2 ** 34 } });
  const [started] = ofType(await events(shortRun(join(root, "fits")), {}, on(5 * 2 ** 30)), "started");
  expect(started?.plan.recompute).toMatchObject({ policy: "cheap", fits: true });
  expect(readRunConfig(join(root, "fits")).recompute).toBe("cheap");

  const refused = events(shortRun(join(root, "large")), {}, on(2 ** 30));
  await expect(refused).rejects.toMatchObject({
    code: "ERR_OUT_OF_MEMORY",
    message: expect.stringMatching(/needs 1\.0 GiB/) as string,
  });
  expect(existsSync(join(root, "large"))).toBe(false);

  const wanted = await events(shortRun(join(root, "wanted")), { allowTooLarge: true }, on(2 ** 30));
  expect(ofType(wanted, "started")[0]?.plan.recompute.verdict).toBe("red");
  expect(ofType(wanted, "warning")[0]?.message).toMatch(
    /^training needs 1\.0 GiB .*; started all the same, as asked$/,
  );
  expect(ofType(wanted, "finished")).toHaveLength(1);

  // What main memory has free is an estimate: warned of, not refused.
  const tight = await events(shortRun(join(root, "tight")), {}, on(2 ** 30, "cpu"));
  expect(ofType(tight, "warning").map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^training needs 1\.0 GiB with recompute block/),
  );
});
