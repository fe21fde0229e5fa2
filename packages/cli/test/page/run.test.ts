import type { LoggedEvent, StepEvent } from "@acewright/trainer";
import { expect, test } from "vitest";
import { aligned, curvesOf, smoothed } from "../../dist/page/run/curves.js";
import { emptyLog, withTail } from "../../dist/page/run/known-run.js";
import { moduleBars, timestepBars } from "../../dist/page/run/insides.js";
import { progressOf, remarks } from "../../dist/page/run/progress.js";
import { sampleRows } from "../../dist/page/run/samples.js";

const time = "2026-01-01T00:00:00.000Z";

function step(at: number, loss: number, more: Partial<StepEvent> = {}): LoggedEvent {
  return {
    time,
    type: "step",
    step: at,
    epoch: 1,
    loss,
    gradNorm: 2 * loss,
    learningRate: 1e-4,
    samplesPerSecond: 1,
    secondsPerStep: 0.5,
    etaS: 10 - at,
    skipped: false,
    ...more,
  };
}

test("curves are the steps' numbers; a skipped step is a gap", () => {
  const { loss, gradNorm, validation } = curvesOf([
    step(1, 3),
    step(2, Number.NaN, { skipped: true }),
    { time, type: "validation", step: 2, loss: 5, best: false, byTimestep: [] },
    step(3, 1),
  ]);
  expect(loss).toEqual({ steps: [1, 2, 3], values: [3, null, 1] });
  expect(gradNorm.values).toEqual([6, null, 2]);
  expect(validation).toEqual({ steps: [2], values: [5] });
});

test("smoothing neither begins at 0 nor moves what is constant, and 0 leaves the curve as it is", () => {
  const curve = { steps: [1, 2, 3, 4], values: [4, null, 2, 2] };
  expect(smoothed(curve, 0)).toEqual(curve);
  const { values } = smoothed(curve, 0.5);
  expect(values[0]).toBe(4);
  expect(values[1]).toBeNull();
  expect(values[2]).toBeCloseTo((0.5 * 4 * 0.5 + 0.5 * 2) / 0.75, 12);
  const flat = smoothed({ steps: [1, 2, 3], values: [7, 7, 7] }, 0.99).values;
  for (const value of flat) expect(value).toBeCloseTo(7, 10);
});

test("curves of different steps share one table", () => {
  expect(
    aligned([
      { steps: [1, 3], values: [10, 30] },
      { steps: [2, 3], values: [200, null] },
    ]),
  ).toEqual([
    [1, 2, 3],
    [10, null, 30],
    [null, 200, null],
  ]);
  expect(aligned([{ steps: [], values: [] }])).toEqual([[], []]);
});

test("a log grows by its tail, and begins anew where a resume cut it", () => {
  const one = withTail(emptyLog, { events: [step(1, 3)], from: 0, next: 100 });
  const two = withTail(one, { events: [step(2, 2)], from: 100, next: 200 });
  expect(two.events.map((event) => event.step)).toEqual([1, 2]);
  expect(withTail(two, { events: [], from: 200, next: 200 })).toBe(two);
  const cut = withTail(two, { events: [step(1, 9)], from: 0, next: 90 });
  expect(cut).toEqual({ events: [step(1, 9)], next: 90 });
});

test("progress is what the newest events say; what does not train has no time left", () => {
  expect(progressOf([step(1, 3), step(2, 2)], true)).toMatchObject({ step: 2, etaS: 8, secondsPerStep: 0.5 });
  expect(progressOf([step(1, 3), step(2, 2)], false).etaS).toBeUndefined();
  expect(progressOf([], true)).toMatchObject({ step: 0, steps: undefined, memory: undefined });
});

test("remarks are newest first, and leave the steps out that went well", () => {
  const said = remarks([
    step(1, 3),
    { time, type: "warning", step: 1, message: "look" },
    step(2, Number.NaN, { skipped: true }),
    { time, type: "checkpoint", step: 2, folder: "x" },
  ]);
  expect(said.map(({ type }) => type)).toEqual(["checkpoint", "step", "warning"]);
});

test("songs stand by prompt and step; a song made again replaces the first", () => {
  const song = (at: number, file: string, number?: number): LoggedEvent => ({
    time,
    type: "sample",
    step: at,
    file,
    ...(number === undefined ? {} : { prompt: { number, caption: "bells" } }),
  });
  expect(
    sampleRows([song(10, "b1", 2), song(0, "a", 1), song(20, "c", 1), song(10, "b2", 2), song(5, "plain")]),
  ).toEqual([
    { prompt: "2. bells", songs: [{ step: 10, file: "b2" }] },
    {
      prompt: "1. bells",
      songs: [
        { step: 0, file: "a" },
        { step: 20, file: "c" },
      ],
    },
    { prompt: "", songs: [{ step: 5, file: "plain" }] },
  ]);
});

test("the newest look inside is shown, the strongest modules first", () => {
  const events: LoggedEvent[] = [
    { time, type: "gradNorms", step: 1, modules: { old: 9 } },
    { time, type: "gradNorms", step: 2, modules: { a: 1, b: 3, c: 2 } },
    {
      time,
      type: "validation",
      step: 2,
      loss: 1,
      best: true,
      byTimestep: [{ from: 0.2, to: 0.4, loss: 0.7, samples: 3 }],
    },
  ];
  expect(moduleBars(events, 2)).toEqual([
    { name: "b", value: 3 },
    { name: "c", value: 2 },
  ]);
  expect(timestepBars(events)).toEqual([{ name: "0.2 – 0.4", value: 0.7 }]);
  expect([moduleBars([], 2), timestepBars([])]).toEqual([[], []]);
});
