import { expect, test } from "vitest";
import { halveRate, mixDown } from "../../src/dsp/decimate.js";

const sine = (hz: number, rate: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));

test("half the rate keeps what fits and removes what does not", () => {
  const kept = halveRate(sine(6000, 48_000, 4800));
  const want = sine(6000, 24_000, 2400);
  for (let i = 50; i < 2350; i++) expect(kept[i]).toBeCloseTo(want[i] as number, 3);
  const removed = halveRate(sine(20_000, 48_000, 4800)).subarray(50, 2350);
  expect(Math.max(...removed.map(Math.abs))).toBeLessThan(1e-3);
});

test("two channels are averaged", () => {
  expect(mixDown(Float32Array.of(1, 0.5), Float32Array.of(0, -0.5))).toEqual(Float32Array.of(0.5, 0));
});
