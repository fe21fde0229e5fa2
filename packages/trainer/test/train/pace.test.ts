import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "../../src/train/pace.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("the time left follows the steps slowly, and what is no step does not count", () => {
  const pace = new Pace();
  vi.advanceTimersByTime(9000);
  pace.after(4, 101);
  vi.advanceTimersByTime(2000);
  expect(pace.after(4, 100)).toEqual({ samplesPerSecond: 2, etaS: 200 });
  vi.advanceTimersByTime(60_000); // a checkpoint
  pace.restart();
  vi.advanceTimersByTime(1000);
  const { samplesPerSecond, etaS } = pace.after(4, 10);
  expect(samplesPerSecond).toBe(4);
  expect(etaS).toBeCloseTo(10 * (0.9 * 2 + 0.1 * 1), 9);
});

test("the first step, which also traces its program, tells the time left only until there is another", () => {
  const pace = new Pace();
  vi.advanceTimersByTime(9000);
  expect(pace.after(1, 11).etaS).toBe(99);
  vi.advanceTimersByTime(1000);
  expect(pace.after(1, 10).etaS).toBe(10);
});
