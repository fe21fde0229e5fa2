import { expect, test } from "vitest";
import { gaussians, philox } from "../../src/preprocess/gaussian.js";

test("Philox gives the published answer for a zero counter and a zero key", () => {
  const words = philox(0, 0, 0).map((word) => word.toString(16));
  expect(words).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
});

test("the numbers are normal: mean, deviation, tails and neighbours", () => {
  const values = gaussians("0 song", 200_000);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
  const neighbours = values.reduce((sum, value, i) => sum + value * (values[i + 1] ?? 0), 0) / values.length;
  const tail = values.filter((value) => Math.abs(value) > 2).length / values.length;
  // Standard errors are 0.0022, 0.0032, 0.0022 and 0.0005; bounds are four of them.
  expect(Math.abs(mean)).toBeLessThan(0.009);
  expect(Math.abs(variance - 1)).toBeLessThan(0.013);
  expect(Math.abs(neighbours)).toBeLessThan(0.009);
  expect(Math.abs(tail - 0.0455)).toBeLessThan(0.002);
});

test("they depend on the key alone, and a longer row begins with the shorter", () => {
  expect(gaussians("a", 7)).toEqual(gaussians("a", 10).slice(0, 7));
  expect(gaussians("a", 4)).not.toEqual(gaussians("b", 4));
  expect(gaussians("a", 0)).toHaveLength(0);
});
