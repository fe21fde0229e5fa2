import { join } from "node:path";
import { planMemory } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import type { TrainParts } from "../../src/train/open-run.js";
import { trainWith } from "../../src/train/train.js";
import { toyModel, toyParts, toyRun, unlikeToySamples } from "../toy.js";
import { bytesOf, events, ofType, scratch } from "../trained.js";

const parts = (): TrainParts => ({ ...toyParts(), openSamples: () => Promise.resolve(unlikeToySamples()) });

const run = (output: string, changes: Partial<TrainConfigInput> = {}): TrainConfigInput =>
  toyRun(output, {
    padding: "packed",
    adapter: { kind: "lora", rank: 4, dropout: 0 },
    batchSize: 3,
    gradientAccumulation: 1,
    cropFrames: 1000, // longer than all: whole songs
    maxSteps: 4,
    epochs: 4,
    ...changes,
  });

test("packed songs of unlike lengths are trained as they are alone", { timeout: 60_000 }, async () => {
  const root = scratch();
  const losses = async (name: string, changes: Partial<TrainConfigInput>) =>
    ofType(await events(run(join(root, name), changes), {}, parts()), "step").map(({ loss }) => loss);
  const packed = await losses("packed", {});
  const alone = await losses("alone", { batchSize: 1, gradientAccumulation: 3, padding: "masked" });
  expect(packed).toHaveLength(4);
  packed.forEach((loss, step) => {
    expect(Math.abs(loss / (alone[step] as number) - 1)).toBeLessThan(1e-4);
  });
});

test("a packed run stopped and resumed is the same bit for bit", { timeout: 60_000 }, async () => {
  const root = scratch();
  const changes = { batchSize: 2, adapter: { kind: "dora", rank: 4, dropout: 0.1 } } as const;
  await events(run(join(root, "whole"), changes), {}, parts());
  const abort = new AbortController();
  const stopped = run(join(root, "parts"), changes);
  for await (const event of trainWith(parts(), stopped, { signal: abort.signal }))
    if (event.type === "step" && event.step === 2) abort.abort();
  await events(stopped, { resume: true }, parts());
  expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
});

test("the plan of a packed batch is that of its own program", async () => {
  const request = {
    batch: 2,
    frames: 250,
    conditionTokens: 84,
    adapter: { kind: "lora", rank: 8, alpha: 8, targetModules: ["*_proj"] },
    recompute: "none",
  } as const;
  const packed = await planMemory(toyModel, { ...request, padding: "packed" });
  const masked = await planMemory(toyModel, request);
  expect(packed.arenaBytes).not.toBe(masked.arenaBytes);
  expect(packed.arenaBytes / masked.arenaBytes).toBeGreaterThan(0.9);
  expect(packed.arenaBytes / masked.arenaBytes).toBeLessThan(1.3);
});
