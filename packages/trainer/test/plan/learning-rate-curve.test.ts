import { expect, test } from "vitest";
import { readCurve } from "../../src/plan/learning-rate-curve.js";

/** A loss that falls by a logistic step around 10^fall, then grows from 10^rise on. */
const curve = (fall: number, rise: number) =>
  Array.from({ length: 61 }, (_, i) => {
    const x = -6 + i / 10;
    const loss = 1 - 0.5 / (1 + Math.exp(-6 * (x - fall))) + 4 * Math.max(0, x - rise) ** 2;
    return { learningRate: 10 ** x, loss };
  });

test.each([
  [-4, -1.5],
  [-3, -1],
  [-2.5, -1.2],
])("the rate suggested is where the loss falls fastest: 1e%f", (fall, rise) => {
  const { suggested, diverges } = readCurve(curve(fall, rise), 1);
  expect(Math.log10(suggested ?? 0)).toBeCloseTo(fall, 0.5);
  expect(Math.log10(diverges ?? 0)).toBeGreaterThan(rise);
  expect(Math.log10(diverges ?? 0)).toBeLessThan(rise + 0.6);
});

test("a single lucky step does not decide", () => {
  const points = curve(-3, -1).map((point, i) => (i === 8 ? { ...point, loss: point.loss - 0.15 } : point));
  expect(Math.log10(readCurve(points, 1).suggested ?? 0)).toBeCloseTo(-3, 0.5);
});

test("a loss that never falls suggests nothing, and one that is NaN counts as grown", () => {
  const flat = curve(5, 5).map((point, i) => ({ ...point, loss: 1 + i / 1000 }));
  expect(readCurve(flat, 1)).toEqual({ suggested: undefined, diverges: flat[1]?.learningRate });
  const nan = curve(-4, 5).map((point, i) => (i === 55 ? { ...point, loss: NaN } : point));
  expect(readCurve(nan.slice(0, 56), 1).diverges).toBe(nan[55]?.learningRate);
  expect(readCurve([], 1)).toEqual({ suggested: undefined, diverges: undefined });
});
