import type { SampleRef } from "@acewright/core-native";
import { expect, test } from "vitest";
import { afterSamples, TimestepLosses, withAdaptiveTimesteps } from "../../src/plan/adaptive-timesteps.js";

const fresh = TimestepLosses.parse(undefined);
const one: SampleRef[][] = [[{ sample: 0, key: 0 }]];

/** The timesteps of so many steps of one song each; undefined where the law decides. */
const drawn = (steps: number, share: number, losses = fresh) =>
  Array.from(
    { length: steps },
    (_, step) => withAdaptiveTimesteps(one, { seed: 7, step, share, losses })[0]?.[0]?.timestep,
  );

test("a loss moves the mean of its own part alone, by a hundredth", () => {
  expect(fresh).toEqual(new Array(10).fill(1));
  const after = afterSamples(fresh, [
    { loss: 3, timestep: 0.1 },
    { loss: 0, timestep: 1 },
    { loss: 5, timestep: 0.100001 },
  ]);
  expect(after[0]).toBeCloseTo(1.02, 12);
  expect(after[1]).toBeCloseTo(1.04, 12);
  expect(after[9]).toBeCloseTo(0.99, 12);
  expect(after.slice(2, 9)).toEqual(new Array(7).fill(1));
  const twice = afterSamples(after, [
    { loss: 0, timestep: 0.05 },
    { loss: 2, timestep: 0 },
  ]);
  expect(twice[0]).toBeCloseTo(0.99 * (0.99 * 1.02) + 0.02, 12);
});

test("at batch 1 the share of the steps is what was asked, and each step draws by itself", () => {
  const own = drawn(20_000, 0.3).filter((timestep) => timestep !== undefined);
  expect(own.length / 20_000).toBeCloseTo(0.3, 1);
  expect(drawn(100, 0).every((timestep) => timestep === undefined)).toBe(true);
  expect(new Set(own).size).toBe(own.length);
  expect(drawn(50, 0.3)).toEqual(drawn(50, 0.3));
});

test("parts are met in proportion to their losses, evenly within", () => {
  const losses = [0, 1, 0, 0, 3, 0, 0, 0, 0, 0];
  const all = drawn(40_000, 1, losses) as number[];
  expect(all.every((t) => (t > 0.1 && t <= 0.2) || (t > 0.4 && t <= 0.5))).toBe(true);
  expect(all.filter((t) => t > 0.4).length / all.length).toBeCloseTo(0.75, 1);
  const within = all.filter((t) => t > 0.4).map((t) => (t - 0.4) * 10);
  for (let part = 0; part < 4; part++) {
    const count = within.filter((u) => u > part / 4 && u <= (part + 1) / 4).length;
    expect(count / within.length).toBeCloseTo(0.25, 1);
  }
  const spread = drawn(40_000, 1) as number[];
  expect(Math.min(...spread)).toBeGreaterThan(0);
  expect(Math.max(...spread)).toBeLessThanOrEqual(1);
});
