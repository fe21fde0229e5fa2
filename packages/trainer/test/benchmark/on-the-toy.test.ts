import { join } from "node:path";
import { planMemory } from "@acewright/core-native";
import { expect, test } from "vitest";
import {
  benchmarkSteps,
  benchmarkStepsWith,
  type BenchmarkConfig,
} from "../../src/benchmark/benchmark-steps.js";
import { heldBytes } from "../../src/benchmark/held-memory.js";
import { adapterConfigOf } from "../../src/plan/adapter-targets.js";
import { toyModel, toyParts, toyRun } from "../toy.js";
import { events, ofType, scratch } from "../trained.js";

const small: BenchmarkConfig = {
  model: toyModel,
  device: "cpu",
  adapter: { kind: "lora", rank: 4 },
  gradientAccumulation: 2,
  recompute: "block",
};

test("invented songs train the toy: losses, work and memory are those of its plan", async () => {
  const { rows, device, settings } = await benchmarkSteps(small, {
    benchmark: { seconds: [4, 12], conditionTokens: 40, steps: 3, warmup: 1 },
  });
  expect(device.name).toBe("cpu");
  const planned = (frames: number, recompute: "none" | "block") =>
    planMemory(toyModel, {
      batch: 1,
      frames,
      conditionTokens: 40,
      recompute,
      adapter: adapterConfigOf(settings.adapter, 6),
    });
  for (const [i, frames] of [100, 300].entries()) {
    const row = rows[i];
    if (row === undefined || "refused" in row) throw new Error("not measured");
    const [none, block] = [await planned(frames, "none"), await planned(frames, "block")];
    expect(row.flops).toBe(2 * none.flopsPerMicroBatch);
    expect(row.executedFlops).toBe(2 * block.flopsPerMicroBatch);
    expect(block.flopsPerMicroBatch).toBeGreaterThan(none.flopsPerMicroBatch);
    expect(row.memory.planned.arenaBytes).toBe(block.arenaBytes);
    expect(row.memory.measuredBytes).toBeGreaterThan(0);
    // Noise of variance 1 to be told from noise of variance 1: the error is of their size.
    for (const loss of [row.firstLoss, row.lastLoss])
      expect(loss).toSatisfy((l: number) => l > 0.5 && l < 10);
    expect(row.skippedSteps).toBe(0);
  }
});

test("the steps timed are those that train makes: their losses are the same bit for bit", async () => {
  // What is timed has the peak rate from the first step on.
  const steady = { device: "cpu", epochs: 3, warmupSteps: 0, schedule: "constant" } as const;
  const config = toyRun(join(scratch(), "run"), steady);
  const trained = ofType(await events(config, {}, toyParts()), "step").map(({ loss }) => loss);
  const timed: number[] = [];
  await benchmarkStepsWith({ ...toyParts(), heldBytes }, config, {
    benchmark: { steps: trained.length, warmup: 0 },
    onStep: ({ loss }) => timed.push(loss),
  });
  expect(trained.length).toBe(6);
  expect(timed).toEqual(trained);
});
