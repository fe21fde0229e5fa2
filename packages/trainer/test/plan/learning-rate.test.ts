import { expect, test } from "vitest";
import {
  learningRateCourse,
  schedules,
  warmupLength,
  type LearningRateSettings,
} from "../../src/plan/learning-rate.js";

const settings: LearningRateSettings = {
  learningRate: 1e-4,
  schedule: "cosine",
  scheduleRestarts: 4,
  schedulePower: 2,
  warmupSteps: 100,
  warmupStartFactor: 0.1,
  minLrRatio: 0.01,
};

const learningRateAt = (of: LearningRateSettings, step: number, steps: number) =>
  learningRateCourse(of, { steps, stepsPerEpoch: 10 })(step);

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
  expect(warmupLength(100, 509)).toBe(50);
  expect(warmupLength(100, 5)).toBe(1);
  expect(warmupLength(0, 2000)).toBe(0);
  expect(learningRateAt({ ...settings, warmupSteps: 0 }, 0, 2000)).toBe(1e-4);
});

test("no step of any run is outside [floor of warm-up or schedule, peak]", () => {
  for (const schedule of schedules) {
    for (const total of [1, 2, 9, 10, 11, 100, 1001]) {
      const scheduleFormula = "clamp(base_lr * (1 - progress), 1e-6, 1)";
      const course = learningRateCourse(
        { ...settings, schedule, scheduleFormula },
        { steps: total, stepsPerEpoch: 10 },
      );
      for (let step = 0; step < total; step++) {
        const rate = course(step);
        expect(rate).toBeGreaterThanOrEqual(1e-6);
        expect(rate).toBeLessThanOrEqual(1e-4);
      }
    }
  }
});

test("restarts begin the cosine again, in equal parts whatever the length", () => {
  const bare = { ...settings, schedule: "cosine-restarts", warmupSteps: 0, minLrRatio: 0 } as const;
  for (const start of [0, 250, 500, 750]) {
    expect(learningRateAt(bare, start, 1000)).toBe(1e-4);
    expect(learningRateAt(bare, start + 125, 1000)).toBeCloseTo(0.5e-4, 16);
    expect(learningRateAt(bare, start + 249, 1000)).toBeLessThan(1e-8);
  }
  // 10 steps in 4 parts of 2.5: the second part is at a fifth of its way at step 3.
  expect(learningRateAt(bare, 3, 10)).toBeCloseTo(1e-4 * 0.5 * (1 + Math.cos(Math.PI * 0.2)), 16);
});

test("polynomial falls by its power, and is linear at power 1", () => {
  const bare = { ...settings, schedule: "polynomial", warmupSteps: 0, minLrRatio: 0.1 } as const;
  expect(learningRateAt({ ...bare, schedulePower: 3 }, 500, 1000)).toBeCloseTo(1e-5 + 9e-5 / 8, 16);
  for (const step of [0, 1, 333, 999])
    expect(learningRateAt({ ...bare, schedulePower: 1 }, step, 1000)).toBe(
      learningRateAt({ ...bare, schedule: "linear" }, step, 1000),
    );
});

test("a formula speaks of steps, epochs and the base rate after the warm-up", () => {
  const custom = (scheduleFormula: string) => ({ ...settings, schedule: "custom", scheduleFormula }) as const;
  const course = learningRateCourse(custom("base_lr * 0.5 ** (epoch // 2) + 0 * total_epochs"), {
    steps: 100,
    stepsPerEpoch: 5,
  });
  expect(course(0)).toBeCloseTo(1e-5, 18); // the warm-up of ten steps
  expect(course(10)).toBe(1e-4);
  expect(course(19)).toBe(1e-4);
  expect(course(20)).toBe(0.5e-4);
  expect(course(30)).toBe(0.25e-4);
});

test("a formula that goes wrong late is refused before the first step", () => {
  const wrong = (scheduleFormula: string) => () =>
    learningRateCourse({ ...settings, schedule: "custom", scheduleFormula }, { steps: 50, stepsPerEpoch: 5 });
  expect(wrong("base_lr / (40 - step)")).toThrow(
    /scheduleFormula gives Infinity at step 40 of the 45 after the warm-up/,
  );
  expect(wrong("base_lr * (0.5 - progress)")).toThrow(/gives -/);
  expect(wrong("log(-1)")).toThrow(/gives NaN at step 0/);
});
