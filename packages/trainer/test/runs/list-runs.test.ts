import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listRuns, readRun } from "../../src/runs/list-runs.js";
import { trainWith } from "../../src/train/train.js";
import { abortWhen, events, parts, scratch, shortRun } from "../trained.js";

test("runs are listed newest first with where they stand", async () => {
  const root = scratch();
  await events(shortRun(join(root, "done"), { validationEvery: 3 }));
  const abort = new AbortController();
  await events(
    shortRun(join(root, "stopped-by-hand")),
    { signal: abort.signal },
    parts({ duringStep: abortWhen(abort, (step) => step === 3) }),
  );
  const dying = parts({ failAt: (step) => (step === 4 ? new Error("lost") : undefined) });
  await expect(events(shortRun(join(root, "died")), {}, dying)).rejects.toThrow("lost");
  mkdirSync(join(root, "not a run"));
  mkdirSync(join(root, "a model"));
  writeFileSync(join(root, "a model", "config.json"), "{}");

  const runs = listRuns(root);
  expect(runs.map(({ folder, status, step, steps }) => [folder, status, step, steps])).toEqual([
    [join(root, "died"), "stopped", 4, 6],
    [join(root, "stopped-by-hand"), "interrupted", 4, 6],
    [join(root, "done"), "finished", 6, 6],
  ]);
  const done = runs[2];
  expect(done?.final).toBe(join(root, "done", "final"));
  expect(done?.checkpoints).toEqual([3, 6]);
  expect(done?.best?.loss).toBeLessThan(1);
  expect(done?.lastLoss).toBeGreaterThan(0);
  expect(readRun(join(root, "done")).events.at(-1)?.type).toBe("finished");
});

test("a run that was taken up again has run as long as its parts did, and stands where the last one leads", async () => {
  const run = join(scratch(), "run");
  const constant = { schedule: "constant", warmupSteps: 0 } as const;
  await events(shortRun(run, constant));
  const later = (line: string, seconds: number) =>
    JSON.stringify({ ...(JSON.parse(line) as object), time: new Date(seconds * 1000).toISOString() });
  const log = join(run, "events.jsonl");
  const lines = () => readFileSync(log, "utf8").trimEnd().split("\n");
  const first = lines();
  writeFileSync(log, `${first.map((line, i) => later(line, i)).join("\n")}\n`);
  await events(shortRun(run, { ...constant, epochs: 3 }), { resume: true });
  const second = lines().slice(first.length);
  const hours = second.map((line, i) => later(line, 36_000 + 2 * i));
  writeFileSync(log, `${[...lines().slice(0, first.length), ...hours].join("\n")}\n`);
  const { tookS, step, steps, stepsPerEpoch } = readRun(run);
  expect({ step, steps, stepsPerEpoch }).toEqual({ step: 9, steps: 9, stepsPerEpoch: 3 });
  expect(tookS).toBe(first.length - 1 + 2 * (second.length - 1));
});

test("a run that is being trained is told as running", async () => {
  const run = join(scratch(), "run");
  let status: string | undefined;
  for await (const event of trainWith(parts(), shortRun(run))) {
    if (event.type === "started") status = readRun(run).status;
  }
  expect(status).toBe("running");
  expect(readRun(run).status).toBe("finished");
});

test("a damaged run is an error, or told and left out", async () => {
  const root = scratch();
  await events(shortRun(join(root, "good")));
  await events(shortRun(join(root, "bad")));
  writeFileSync(join(root, "bad", "config.json"), '{"epochs": 0}');
  expect(() => listRuns(root)).toThrow(/bad\/config\.json: .*epochs: expected a whole number/);
  const told: string[] = [];
  expect(listRuns(root, (message) => told.push(message)).map(({ folder }) => folder)).toEqual([
    join(root, "good"),
  ]);
  expect(told).toHaveLength(1);
});

test("a folder that does not exist is an error", () => {
  expect(() => listRuns("/nowhere/at/all")).toThrow("/nowhere/at/all: does not exist");
  expect(() => readRun(scratch())).toThrow(/holds no run/);
});
