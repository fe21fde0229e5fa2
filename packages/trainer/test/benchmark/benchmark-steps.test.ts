import { setTimeout as sleep } from "node:timers/promises";
import { AceError, type StepInput } from "@acewright/core-native";
import { expect, test } from "vitest";
import { benchmarkStepsWith, type BenchmarkConfig } from "../../src/benchmark/benchmark-steps.js";
import type { MeasuredRow, RefusedRow } from "../../src/benchmark/rows.js";
import { memory, quadraticModel, testSongs, type Mischief } from "../quadratic-model.js";
import { keptBy } from "../plan/kept-by.js";
import { shortRun } from "../trained.js";

const parts = (mischief: Mischief = {}) => ({
  native: quadraticModel(mischief),
  openSamples: () => Promise.resolve(testSongs()),
  heldBytes: () => 0,
});

/** Of an invented song; one a step. */
const invented: BenchmarkConfig = { model: "models/quadratic", gradientAccumulation: 1 };
const few = { seconds: [1, 2], conditionTokens: 5, steps: 3, warmup: 1 };

function measured(row: MeasuredRow | RefusedRow | undefined): MeasuredRow {
  if (row === undefined || "refused" in row) throw new Error(`not measured: ${row?.refused ?? "no row"}`);
  return row;
}

test("each length has its row, from songs of just that shape, warm-up steps first and not timed", async () => {
  const asked: StepInput[] = [];
  const told: number[][] = [];
  const found = await benchmarkStepsWith(
    parts({
      onStep: (input) => asked.push(input),
      duringStep: (step) => sleep(step === 0 ? 400 : 5),
    }),
    { ...invented, batchSize: 2, gradientAccumulation: 3 },
    { benchmark: few, onStep: ({ row, rows, done, total }) => told.push([row, rows, done, total]) },
  );
  expect(found.rows.map(({ audioS }) => audioS)).toEqual([1, 2]);
  const [one, two] = found.rows.map(measured);
  expect(one).toMatchObject({ songs: 6, frames: 6 * 25, tokens: 6 * 13, warmupSteps: 1, timedSteps: 3 });
  expect(two).toMatchObject({ songs: 6, frames: 6 * 50, tokens: 6 * 25 });
  // 400 ms were spent in the step to warm up.
  expect(one?.milliseconds.p90).toBeLessThan(350);
  expect(one?.milliseconds.p10).toBeGreaterThan(4);
  expect(told).toEqual([0, 1].flatMap((row) => [1, 2, 3, 4].map((done) => [row, 2, done, 4])));
  expect(asked.map(({ step }) => step)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(asked[0]?.microBatches.map(({ length }) => length)).toEqual([2, 2, 2]);
  expect(new Set(asked[0]?.microBatches.flat().map(({ sample }) => sample)).size).toBe(6);
});

test("rates are the work of the timed steps over their time, and a share is told of a known peak alone", async () => {
  const plan = () => ({ ...memory, flopsPerMicroBatch: 3e9 });
  const run = (benchmark: object) =>
    benchmarkStepsWith(
      parts({ plan, duringStep: () => sleep(10) }),
      { ...invented, gradientAccumulation: 2 },
      { benchmark: { ...few, ...benchmark } },
    );
  const row = measured((await run({ peakTeraflops: 2 })).rows[0]);
  expect(row.flops).toBe(6e9);
  expect(row.tokensPerSecond / row.stepsPerSecond).toBeCloseTo(row.tokens, 9);
  expect(row.teraflopsPerSecond).toBeCloseTo((6e9 * row.stepsPerSecond) / 1e12, 12);
  expect(row.shareOfPeak).toBeCloseTo((row.teraflopsPerSecond ?? 0) / 2, 12);
  const { milliseconds, stepsPerSecond } = row;
  expect(1000 / stepsPerSecond).toBeGreaterThanOrEqual(milliseconds.p10);
  expect(milliseconds.p10).toBeLessThanOrEqual(milliseconds.median);
  expect(milliseconds.median).toBeLessThanOrEqual(milliseconds.p90);
  const unknown = await run({});
  expect(unknown.peakTeraflops).toBeUndefined();
  expect(measured(unknown.rows[0]).shareOfPeak).toBeUndefined();
});

test("what is computed again counts as executed and not as achieved", async () => {
  const plan: Mischief["plan"] = ({ recompute }) => ({
    ...memory,
    flopsPerMicroBatch: recompute === "none" ? 3e9 : 4e9,
  });
  const { rows } = await benchmarkStepsWith(
    parts({ plan }),
    { ...invented, recompute: "block" },
    { benchmark: few },
  );
  expect(measured(rows[0])).toMatchObject({ recompute: "block", flops: 3e9, executedFlops: 4e9 });
});

test("songs of unlike length packed together have no count, those of one length have", async () => {
  const run = (config: BenchmarkConfig) =>
    benchmarkStepsWith(parts(), { ...config, padding: "packed", batchSize: 2 }, { benchmark: { steps: 2 } });
  const given = measured((await run(shortRun("run"))).rows[0]);
  expect(given).toMatchObject({ flops: undefined, teraflopsPerSecond: undefined, timedSteps: 2 });
  expect(given.tokensPerSecond).toBeGreaterThan(0);
  const alike = await benchmarkStepsWith(
    parts(),
    { ...invented, padding: "packed", batchSize: 2 },
    { benchmark: few },
  );
  expect(measured(alike.rows[0]).flops).toBe(1);
});

test("memory is the plan's beside what is held more than before the model was read", async () => {
  let held = 1000;
  const { rows } = await benchmarkStepsWith(
    { ...parts({ onSession: () => (held += 77) }), heldBytes: () => held },
    invented,
    { benchmark: few },
  );
  expect(rows.map((row) => measured(row).memory.measuredBytes)).toEqual([77, 154]);
  expect(measured(rows[0]).memory.planned).toEqual(memory);
});

test("after its limit a length is left, but not before three steps are timed", async () => {
  const { rows } = await benchmarkStepsWith(parts({ duringStep: () => sleep(20) }), invented, {
    benchmark: { seconds: [1], steps: 100, warmup: 1, limitS: 0.001 },
  });
  expect(measured(rows[0])).toMatchObject({ warmupSteps: 1, timedSteps: 3 });
});

const needed = keptBy({ none: 8, cheap: 4, mlp: 2, block: 1 }, 1);
const GiB = 2 ** 30;

test("a length that does not fit says so in its row; where none fits that is the error", async () => {
  const plan: Mischief["plan"] = ({ recompute, frames }) => ({
    ...memory,
    totalBytes: needed(recompute) * frames * GiB,
  });
  const device = { memoryBytes: 400 * GiB, freeBytes: 400 * GiB };
  const run = (seconds: number[]) =>
    benchmarkStepsWith(parts({ plan, device }), invented, { benchmark: { ...few, seconds } });
  const { rows } = await run([2, 20, 1]);
  expect(rows.map((row) => "refused" in row)).toEqual([false, true, false]);
  expect(rows[1]).toMatchObject({ audioS: 20, refused: expect.stringContaining("training needs") as string });
  expect(measured(rows[0]).recompute).toBe("cheap");
  expect(measured(rows[2]).recompute).toBe("none");
  await expect(run([20, 30])).rejects.toThrow(/training needs .* there are 400.0 GiB free/);
});

test("a step that finds no memory is a row that says so", async () => {
  const failAt = (step: number) =>
    step === 2 ? new AceError("ERR_OUT_OF_MEMORY", "cuda:0: 1 GiB more is needed") : undefined;
  const found = benchmarkStepsWith(parts({ failAt }), invented, { benchmark: few });
  await expect(found).rejects.toThrow("cuda:0: 1 GiB more is needed");
});

test("an abort ends it after the step in hand, with what was timed", async () => {
  const abort = new AbortController();
  const found = await benchmarkStepsWith(parts(), invented, {
    benchmark: few,
    signal: abort.signal,
    onStep: ({ row, done }) => {
      if (row === 1 && done === 2) abort.abort();
    },
  });
  expect(found.interrupted).toBe(true);
  expect(found.rows.map((row) => measured(row).timedSteps)).toEqual([3, 1]);
});

test("an abort before a step was timed leaves no row, and one at once waits for no step", async () => {
  const abort = new AbortController();
  const steps = { warmup: 2, steps: 3, seconds: [1] };
  const early = await benchmarkStepsWith(parts(), invented, {
    benchmark: steps,
    signal: abort.signal,
    onStep: () => {
      abort.abort();
    },
  });
  expect(early).toMatchObject({ rows: [], interrupted: true });
  const stopNow = new AbortController();
  let isLeft = false;
  const duringStep = async () => {
    stopNow.abort();
    await sleep(500);
    isLeft = true;
  };
  const found = await benchmarkStepsWith(parts({ duringStep }), invented, {
    benchmark: steps,
    signal: stopNow.signal,
    stopNow: stopNow.signal,
  });
  expect(found).toMatchObject({ rows: [], interrupted: true });
  expect(isLeft).toBe(false);
});

test("songs that are given are one row, with what their run would take", async () => {
  const asked: StepInput[] = [];
  const { rows } = await benchmarkStepsWith(
    parts({ onStep: (input) => asked.push(input), duringStep: () => sleep(10) }),
    shortRun("run"),
    { benchmark: { steps: 3, warmup: 0 } },
  );
  expect(rows).toHaveLength(1);
  const row = measured(rows[0]);
  const frames = asked.flatMap(({ microBatches }) => microBatches.flat()).map((ref) => ref.frames ?? 0);
  expect(row.frames).toBeCloseTo(frames.reduce((a, b) => a + b) / 3);
  expect(row.audioS).toBeCloseTo(frames.reduce((a, b) => a + b) / frames.length / 25);
  expect(row.run).toMatchObject({ trainingSongs: 5, epochs: 2, steps: 6 });
  // Three steps are an epoch: the run is two of them.
  expect(row.run?.expectedS).toBeCloseTo(6 / row.stepsPerSecond, 6);
});

test("a run's own config.json is taken although it is of another machine", async () => {
  const environment = {
    acewright: "0",
    device: "cuda" as const,
    instructionSet: "sm_90",
    build: "b",
    model: "m",
    dataset: "d",
  };
  const { rows } = await benchmarkStepsWith(
    parts(),
    { ...shortRun("run"), environment },
    { benchmark: { steps: 1 } },
  );
  expect(measured(rows[0]).timedSteps).toBe(1);
});

test("a step that is not finite is counted", async () => {
  const { rows } = await benchmarkStepsWith(parts({ nanAt: (step) => step === 2 }), invented, {
    benchmark: { ...few, seconds: [1] },
  });
  expect(measured(rows[0]).skippedSteps).toBe(1);
});

test.each<[string, BenchmarkConfig, object, string]>([
  ["lengths beside tensors", shortRun("run"), { seconds: [5] }, "seconds: is of invented songs, but songs brings its own"], // prettier-ignore
  ["no length", invented, { seconds: [] }, "benchmark: seconds: expected"],
  ["a length of nothing", invented, { seconds: [0.1] }, "benchmark: seconds.0: expected a number from 1 to 600, got 0.1"], // prettier-ignore
  ["no steps", invented, { steps: 0 }, "benchmark: steps: expected a whole number from 1 to 10000, got 0"],
  ["a misspelling", invented, { step: 5 }, "benchmark: unknown key step, did you mean steps?"],
])("%s are refused in a line", async (_, config, benchmark, message) => {
  await expect(benchmarkStepsWith(parts(), config, { benchmark })).rejects.toThrow(message);
});
