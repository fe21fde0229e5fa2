import { expect, test } from "vitest";
import { afterLoss, cruiseScale } from "../../src/plan/cruise-control.js";

const settings = { targetLoss: 0.5, targetLossFloor: 0.01, targetLossWarmup: 50, targetLossSmoothing: 0.98 };
const late = { step: 1000, warmupSteps: 100 };
const at = (mean: number, last = mean) => cruiseScale(settings, { mean, last }, late);

test("the rate is the schedule's own far above the target, and its floor at the target", () => {
  expect(at(0.65)).toBe(1);
  expect(at(3)).toBe(1);
  expect(at(0.5)).toBeCloseTo(0.01, 12);
  // h = 1/2: s = 1/4 * 2 = 1/2
  expect(at(0.575)).toBeCloseTo(0.01 + 0.5 * 0.99, 12);
});

test("below the target it falls on, without a jump", () => {
  expect(at(0.5 - 1e-9)).toBeCloseTo(at(0.5), 8);
  expect(at(0.45)).toBeCloseTo(0.01 * Math.exp(-1), 12);
  let before = 2;
  for (let mean = 0.8; mean > 0.2; mean -= 0.01) {
    expect(at(mean)).toBeLessThanOrEqual(before);
    before = at(mean);
  }
});

test("one loss below the target holds the rate at the floor", () => {
  expect(at(0.6, 0.49)).toBe(0.01);
  expect(at(0.6, 0.51)).toBeGreaterThan(0.5);
});

test("it takes hold after the longer of the two warm-ups, and never without a target", () => {
  const state = { mean: 0.5, last: 0.5 };
  expect(cruiseScale(settings, state, { step: 99, warmupSteps: 100 })).toBe(1);
  expect(cruiseScale(settings, state, { step: 49, warmupSteps: 10 })).toBe(1);
  expect(cruiseScale(settings, state, { step: 50, warmupSteps: 10 })).toBeCloseTo(0.01, 12);
  expect(cruiseScale({ ...settings, targetLoss: undefined }, state, late)).toBe(1);
  expect(cruiseScale(settings, { mean: null, last: null }, late)).toBe(1);
});

test("the smoothed loss begins with the first one", () => {
  const first = afterLoss(settings, { mean: null, last: null }, 2);
  expect(first).toEqual({ mean: 2, last: 2 });
  expect(afterLoss(settings, first, 1)).toEqual({ mean: 0.98 * 2 + 0.02, last: 1 });
});
