import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findLearningRateWith } from "../src/find-learning-rate.js";
import { toyParts, toyRun } from "./toy.js";
import { parts, scratch, shortRun } from "./trained.js";

test("on the toy the loss falls along the sweep, runs away at its end, and the rate between is suggested", async () => {
  const run = join(scratch(), "run");
  const config = toyRun(run, { adapter: { kind: "lora", rank: 4 }, cropFrames: 32 });
  const sweep = await findLearningRateWith(toyParts(), config, { sweep: { low: 1e-5, high: 10, steps: 40 } });
  expect(existsSync(run)).toBe(false);
  const lowest = Math.min(...sweep.points.map(({ loss }) => loss));
  expect(lowest).toBeLessThan(sweep.lossBefore * 0.97);
  expect(sweep.suggested).toBeGreaterThan(1e-4);
  expect(sweep.diverges).toBeGreaterThan(sweep.suggested ?? Infinity);
});

test("the rates are evenly spaced on a logarithmic axis, each told as it comes", async () => {
  const told: number[][] = [];
  const sweep = await findLearningRateWith(parts(), shortRun("run"), {
    sweep: { low: 1e-4, high: 1e-2, steps: 11 },
    onPoint: ({ learningRate }, done, total) => told.push([learningRate, done, total]),
  });
  expect(told.map(([, done, total]) => [done, total])).toEqual(
    Array.from({ length: told.length }, (_, i) => [i + 1, 11]),
  );
  told.forEach(([rate = 0], i) => {
    expect(Math.log10(rate)).toBeCloseTo(-4 + i / 5, 10);
  });
  expect(sweep.points).toHaveLength(told.length);
});

test("an abort ends it with what was found", async () => {
  const abort = new AbortController();
  const sweep = await findLearningRateWith(parts(), shortRun("run"), {
    signal: abort.signal,
    onPoint: (_point, done) => {
      if (done === 3) abort.abort();
    },
  });
  expect(sweep.points).toHaveLength(3);
  expect(sweep.suggested).toBeUndefined();
});

test("a range that is none is refused", async () => {
  await expect(
    findLearningRateWith(parts(), shortRun("run"), { sweep: { low: 0.1, high: 0.01 } }),
  ).rejects.toThrow("sweep: high must be above low");
});

test("prodigy, whose learning rate is a factor of what it finds by itself, is refused with what helps", async () => {
  const config = toyRun(join(scratch(), "run"), { optimizer: { kind: "prodigy" }, learningRate: 1 });
  await expect(findLearningRateWith(toyParts(), config)).rejects.toThrow(
    /prodigy finds its own learning rate.*leave learningRate at 1, optimizer\.distanceCoefficient/,
  );
});
