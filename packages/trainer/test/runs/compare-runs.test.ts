import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareRuns } from "../../src/runs/compare-runs.js";
import { runCurves } from "../../src/runs/curves.js";
import { readRun } from "../../src/runs/list-runs.js";
import { removeRun } from "../../src/runs/remove-run.js";
import { trainWith } from "../../src/train/train.js";
import { events, parts, scratch, shortRun } from "../trained.js";

test("runs are compared by the settings that decide numbers, with a value for each run", async () => {
  const root = scratch();
  await events(shortRun(join(root, "a"), { threads: 2 }));
  await events(shortRun(join(root, "b"), { learningRate: 0.02, keepCheckpoints: 1 }));
  await events(shortRun(join(root, "c"), { adapter: { kind: "lora", rank: 8 } }));
  const { runs, differences } = compareRuns(["a", "b", "c"].map((name) => join(root, name)));
  expect(runs.map(({ status }) => status)).toEqual(["finished", "finished", "finished"]);
  expect(differences).toEqual([
    { field: "adapter.rank", values: [64, 64, 8] },
    { field: "adapter.alpha", values: [128, 128, 16] },
    { field: "learningRate", values: [0.01, 0.02, 0.01] },
  ]);
});

test("curves hold every step that counted, and the smoothed loss begins with the first", async () => {
  const run = join(scratch(), "run");
  const on = parts({ nanAt: (step) => step === 2 });
  await events(shortRun(run, { validationEvery: 3 }), {}, on);
  const { loss, smoothedLoss, validation, learningRate } = runCurves(readRun(run).events);
  expect(loss.map(({ step }) => step)).toEqual([1, 2, 4, 5, 6]);
  expect(learningRate).toHaveLength(5);
  expect(validation.map(({ step }) => step)).toEqual([0, 3, 6]);
  expect(smoothedLoss[0]?.value).toBeCloseTo(loss[0]?.value ?? 0, 12);
  const [first = 0, second = 0] = loss.map(({ value }) => value);
  expect(smoothedLoss[1]?.value).toBeCloseTo((0.95 * first + second) / 1.95, 12);
});

test("a run is removed whole; one in training and what is no run are not", async () => {
  const root = scratch();
  await events(shortRun(join(root, "old")));
  removeRun(join(root, "old"));
  expect(readdirSync(root)).toEqual([]);
  expect(() => {
    removeRun(root);
  }).toThrow(/holds no run/);
  const run = join(root, "busy");
  for await (const event of trainWith(parts(), shortRun(run))) {
    if (event.type !== "started") continue;
    expect(() => {
      removeRun(run);
    }).toThrow(/busy/);
  }
  expect(existsSync(join(run, "final"))).toBe(true);
});
