import { expect, test } from "vitest";
import { normalisePeak, targetPeak } from "../../src/generate/loudness.js";

test("the largest sample of both channels comes to -1 dB, the balance stays", () => {
  const wave = [Float32Array.of(0.1, -0.2), Float32Array.of(0.05, 0)];
  expect(normalisePeak(wave)).toBeCloseTo(0.2);
  expect(targetPeak).toBeCloseTo(0.8913, 4);
  expect(wave[0]?.[1]).toBeCloseTo(-targetPeak);
  expect(wave[1]?.[0]).toBeCloseTo(targetPeak / 4);
});

test("what is too loud comes down, silence stays silence", () => {
  const loud = [Float32Array.of(3)];
  normalisePeak(loud);
  expect(loud[0]?.[0]).toBeCloseTo(targetPeak);
  const silent = [new Float32Array(3)];
  normalisePeak(silent);
  expect(silent[0]).toEqual(new Float32Array(3));
});

test("a sample that is not finite is an error", () => {
  expect(() => normalisePeak([Float32Array.of(0, NaN)])).toThrow(/a generated sample is NaN/);
});
