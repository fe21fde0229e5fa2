import { expect, test } from "vitest";
import { learningRateAt, warmupLength } from "../../src/plan/learning-rate.js";

const settings = {
  learningRate: 1e-4,
  schedule: "cosine",
  warmupSteps: 100,
  warmupStartFactor: 0.1,
  minLrRatio: 0.01,
} as const;

test("the warm-up rises linearly from a tenth", () => {
  expect(learningRateAt(settings, 0, 2000)).toBeCloseTo(1e-5, 18);
  expect(learningRateAt(settings, 50, 2000)).toBeCloseTo(5.5e-5, 18);
  expect(learningRateAt(settings, 99, 2000)).toBeCloseTo(1e-4 * (0.1 + 0.9 * 0.99), 18);
  expect(learningRateAt(settings, 100, 2000)).toBeCloseTo(1e-4, 18);
});

test("cosine after the warm-up is floor + (peak - floor) (1 + cos(pi k / R)) / 2", () => {
  const [peak, floor, rest] = [1e-4, 1e-6, 1900];
  for (const k of [0, 1, 475, 950, 1425, 1899, 1900]) {
    const expected = floor + 0.5 * (peak - floor) * (1 + Math.cos((Math.PI * k) / rest));
    expect(learningRateAt(settings, 100 + k, 2000)).toBeCloseTo(expected, 16);
  }
});

test("linear goes straight to the floor, constant stays", () => {
  expect(learningRateAt({ ...settings, schedule: "linear" }, 1050, 2000)).toBeCloseTo((1e-4 + 1e-6) / 2, 16);
  expect(learningRateAt({ ...settings, schedule: "constant" }, 1999, 2000)).toBe(1e-4);
});

test("the warm-up takes at most a tenth of the run and at least a step, none where none is asked for", () => {
  expect(warmupLength(100, 2000)).toBe(100);
  expect(warmupLength(100, 500)).toBe(50);
  expect(warmupLength(100, 5)).toBe(1);
  expect(warmupLength(0, 2000)).toBe(0);
  expect(learningRateAt({ ...settings, warmupSteps: 0 }, 0, 2000)).toBe(1e-4);
});

test("no step of any run is outside [floor of warm-up or schedule, peak]", () => {
  for (const schedule of ["cosine", "linear", "constant"] as const) {
    for (const total of [1, 2, 9, 10, 11, 100, 1001]) {
      for (let step = 0; step < total; step++) {
        const rate = learningRateAt({ ...settings, schedule }, step, total);
        expect(rate).toBeGreaterThanOrEqual(1e-6);
        expect(rate).toBeLessThanOrEqual(1e-4);
      }
    }
  }
});
