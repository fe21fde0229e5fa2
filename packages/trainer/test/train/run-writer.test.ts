import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readEventLog } from "../../src/run/event-log.js";
import { nodeFiles, type Files } from "../../src/run/files.js";
import { testSongs } from "../quadratic-model.js";
import { boardOf } from "../tensorboard-reader.js";
import { abortWhen, events, ofType, parts, scratch, shortRun } from "../trained.js";

const stepsIn = (run: string) =>
  ofType(readEventLog(nodeFiles, join(run, "events.jsonl")), "step").map(({ step }) => step);

test("every so many steps are logged, and always a skipped one and the last; the reader is told of each", async () => {
  const run = join(scratch(), "run");
  const on = parts({ nanAt: (step) => step === 1 });
  const all = await events(shortRun(run, { logEvery: 3, epochs: 3, maxSteps: 8 }), {}, on);
  expect(ofType(all, "step").map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(stepsIn(run)).toEqual([2, 3, 6, 8]);
});

test("TensorBoard is told the numbers of the events, and where a resumed run goes on", async () => {
  const run = join(scratch(), "run");
  const openSamples = (folder: string) =>
    Promise.resolve(folder === "other" ? testSongs([32, 48], { hash: "e".repeat(64) }) : testSongs());
  const config = shortRun(run, {
    epochs: 3,
    logEvery: 2,
    logHeavyEvery: 3,
    validationEvery: 4,
    validationDraws: 8,
    regularization: "other",
    saveEverySteps: 5,
  });
  const abort = new AbortController();
  const first = parts({ duringStep: abortWhen(abort, (step) => step === 4) }, { openSamples });
  const all = [
    ...(await events(config, { signal: abort.signal }, first)),
    ...(await events(config, { resume: true }, parts({}, { openSamples }))),
  ];
  const { scalars, resumedAt } = boardOf(run);
  expect(resumedAt).toEqual([5]);
  const logged = ofType(readEventLog(nodeFiles, join(run, "events.jsonl")), "step");
  const curve = (valueOf: (event: (typeof logged)[number]) => number | undefined) =>
    logged.flatMap((event) => {
      const value = valueOf(event);
      return value === undefined ? [] : [[event.step, Math.fround(value)]];
    });
  expect(logged.length).toBeGreaterThan(4);
  expect(scalars["train/loss"]).toEqual(curve(({ loss }) => loss));
  expect(scalars["train/lr"]).toEqual(curve(({ learningRate }) => learningRate));
  expect(scalars["train/grad_norm"]).toEqual(curve(({ gradNorm }) => gradNorm));
  expect(scalars["train/regularization_loss"]).toEqual(curve(({ regularizationLoss }) => regularizationLoss));
  const validations = ofType(all, "validation");
  expect(scalars["val_loss"]).toEqual(validations.map(({ step, loss }) => [step, Math.fround(loss)]));
  expect(scalars["val_loss_by_timestep/0.2-0.4"]).toEqual(
    validations.map(({ step, byTimestep }) => [step, Math.fround(byTimestep[1]?.loss ?? NaN)]),
  );
});

test("losses by timestep are those since the last look, without skipped steps", async () => {
  const run = join(scratch(), "run");
  const one = { batchSize: 1, gradientAccumulation: 1, epochs: 1, maxSteps: 5 };
  const on = parts({ nanAt: (step) => step === 3 });
  const told = ofType(await events(shortRun(run, { ...one, logHeavyEvery: 2 }), {}, on), "step");
  // The quadratic model's timesteps are all 0.5.
  const [first, second, ...rest] = boardOf(run).scalars["train/loss_by_timestep/0.4-0.6"] ?? [];
  const losses = told.map(({ loss }) => loss);
  expect(first).toEqual([2, Math.fround(((losses[0] ?? 0) + (losses[1] ?? 0)) / 2)]);
  expect(second).toEqual([4, Math.fround(losses[2] ?? 0)]);
  expect(rest).toEqual([]);
});

/** Files as the disk has them: what a log holds counts when it was synced. */
function watched(run: string, onRename: (to: string, durable: string) => void) {
  const paths = new Map<number, string>();
  let durable = "";
  const log = join(run, "events.jsonl");
  const files: Files = {
    ...nodeFiles,
    openSync: (path, ...rest) => {
      const descriptor = nodeFiles.openSync(path, ...rest);
      paths.set(descriptor, String(path));
      return descriptor;
    },
    fsync: ((descriptor: number, done: (error: Error | null) => void) => {
      if (paths.get(descriptor) === log) durable = readFileSync(log, "utf8");
      nodeFiles.fsync(descriptor, done);
    }) as Files["fsync"],
    renameSync: (from, to) => {
      onRename(String(to), durable);
      nodeFiles.renameSync(from, to);
    },
  };
  return { files, durable: () => durable };
}

test("before a checkpoint is there, the log up to its step is durable and config.json tells its algorithms", async () => {
  const run = join(scratch(), "run");
  const seen: number[] = [];
  let asked = 0;
  const { files, durable } = watched(run, (to, log) => {
    const step = Number(/step-(\d+)$/.exec(to)?.[1] ?? NaN);
    if (Number.isNaN(step)) return;
    seen.push(step);
    expect(log).toContain(`"type":"step","step":${step},`);
    expect(readFileSync(join(run, "config.json"), "utf8")).toContain(`"algorithms": "record ${asked}"`);
  });
  const on = parts({ algorithms: () => `record ${++asked}` }, { files });
  await events(shortRun(run, { saveEverySteps: 2 }), {}, on);
  expect(seen).toEqual([2, 3, 4, 6]);
  expect(durable().trim().split("\n").at(-1)).toContain('"type":"finished"');
});

test("a run that is stopped leaves a log that is durable to its last word", async () => {
  const run = join(scratch(), "run");
  const { files, durable } = watched(run, () => undefined);
  const abort = new AbortController();
  const on = parts({ duringStep: abortWhen(abort, (step) => step === 1) }, { files });
  await events(shortRun(run), { signal: abort.signal }, on);
  expect(durable()).toBe(readFileSync(join(run, "events.jsonl"), "utf8"));
  expect(durable().trim().split("\n").at(-1)).toContain('"type":"interrupted"');
});
