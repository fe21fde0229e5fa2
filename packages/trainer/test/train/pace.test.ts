import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "../../src/train/pace.js";
import { pausesOf } from "../../src/train/pauses.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("the time left follows the steps slowly, and what is no step does not count", () => {
  const pace = new Pace(110, {});
  vi.advanceTimersByTime(9000);
  pace.after(4, 9);
  vi.advanceTimersByTime(2000);
  expect(pace.after(4, 10)).toEqual({ samplesPerSecond: 2, secondsPerStep: 2, etaS: 200 });
  vi.advanceTimersByTime(60_000); // a checkpoint
  pace.restart();
  vi.advanceTimersByTime(1000);
  const { samplesPerSecond, secondsPerStep, etaS } = pace.after(4, 100);
  expect(samplesPerSecond).toBe(4);
  expect(secondsPerStep).toBeCloseTo(0.9 * 2 + 0.1 * 1, 9);
  expect(etaS).toBeCloseTo(10 * secondsPerStep, 9);
});

test("the first step, which also traces its program, tells the time left only until there is another", () => {
  const pace = new Pace(12, {});
  vi.advanceTimersByTime(9000);
  expect(pace.after(1, 1).etaS).toBe(99);
  vi.advanceTimersByTime(1000);
  expect(pace.after(1, 2).etaS).toBe(10);
});

test("pauses to come are in the time left: estimated first, then as they took, the first only until there is another", () => {
  const pace = new Pace(100, { validation: { toCome: (step) => 10 - Math.floor(step / 10), passes: 12 } });
  const pause = (seconds: number): void => {
    pace.restart();
    vi.advanceTimersByTime(1000 * seconds);
    pace.paused("validation");
  };
  const etaAfter = (step: number): number => {
    vi.advanceTimersByTime(3000);
    return pace.after(2, step).etaS;
  };
  // A step of two songs takes 3 s: half a second a pass, 12 of them 6 s.
  expect(etaAfter(1)).toBeCloseTo(99 * 3 + 10 * 6, 9);
  pause(50);
  expect(etaAfter(11)).toBeCloseTo(89 * 3 + 9 * 50, 9);
  pause(4);
  expect(etaAfter(21)).toBeCloseTo(79 * 3 + 8 * 4, 9);
  pause(6);
  expect(etaAfter(31)).toBeCloseTo(69 * 3 + 7 * 5, 9);
  pause(8);
  expect(etaAfter(91)).toBeCloseTo(9 * 3 + 1 * 6, 9);
});

const song = (frames: number, times: number, guidance?: number) => ({
  frames,
  request: { times: Array.from({ length: times }, () => 1), ...(guidance !== undefined && { guidance }) },
});
const run = (config: object, songs: object[] = [], validation: number[] = []) =>
  pausesOf({
    config: { validationEvery: 0, validationDraws: 2, sampleEvery: 0, cropFrames: 50, ...config },
    plan: { steps: 25 },
    split: { training: [0, 1, 2], validation },
    samples: { songs: [{ frames: 100 }, { frames: 100 }, { frames: 20 }, { frames: 100 }] },
    songs,
  } as unknown as Parameters<typeof pausesOf>[0]);

test("what is due after a step is still to come, and a validation follows the last one", () => {
  const { validation, sample } = run({ validationEvery: 10, sampleEvery: 10 });
  const counts = [0, 1, 9, 10, 11, 20, 21, 25].map((step) => [validation.toCome(step), sample.toCome(step)]);
  expect(counts).toEqual([[4, 3], [3, 2], [3, 2], [3, 2], [2, 1], [2, 1], [1, 0], [1, 0]]); // prettier-ignore
  expect(run({ validationEvery: 5, sampleEvery: 5 }).validation.toCome(25)).toBe(1);
  expect(run({ validationEvery: 5, sampleEvery: 5 }).sample.toCome(25)).toBe(1);
  expect([run({}).validation.toCome(1), run({}).sample.toCome(1)]).toEqual([0, 0]);
});

test("before the first, a pause is told by its passes: draws of the songs asked, sampling steps by the songs' length", () => {
  expect(run({}).validation.passes).toBe(3 * 2);
  expect(run({}, [], [3]).validation.passes).toBe(1 * 2);
  // Crops of 50, 50 and 20 frames: 40 a pass.
  expect(run({}, [song(80, 8), song(40, 4, 7), song(40, 4, 1)]).sample.passes).toBe(16 + 8 + 4);
});
