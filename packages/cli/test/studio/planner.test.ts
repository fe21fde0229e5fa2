import { expect, onTestFinished, test } from "vitest";
import { Planner } from "../../dist/studio/planning/planner.js";
import { openBrowser } from "./open.js";
import { choices, folderWithTensors, model } from "./training.js";
import { until } from "../until.js";

const folder = await folderWithTensors();
const long = {
  about: "plan",
  measure: true,
  // A step of some seconds: what is asked after it must not wait for it.
  config: {
    tensors: `${folder}/tensors`,
    model,
    output: folder,
    device: "cpu",
    threads: 1,
    batchSize: 3,
    gradientAccumulation: 4096,
    datasetRepeats: 4096,
  },
} as const;

function newPlanner(): Planner {
  const planner = new Planner(folder);
  onTestFinished(() => {
    planner.close();
  });
  return planner;
}

test("a question that nobody waits for is broken off, and the next one is answered", async () => {
  const planner = newPlanner();
  await planner.ask({ about: "device" });
  const over = new AbortController();
  const began = performance.now();
  const asked = planner.ask(long, over.signal);
  const next = planner.ask({ about: "device" });
  setTimeout(() => {
    over.abort();
  }, 300);
  await expect(asked).rejects.toThrow(/abort/i);
  expect((await next).device.name).toMatch(/^(cpu|cuda:\d)$/);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test("one that was given up before its turn is never begun", async () => {
  const planner = newPlanner();
  const [first, second] = [new AbortController(), new AbortController()];
  const running = planner.ask(long, first.signal);
  const waiting = planner.ask(long, second.signal);
  second.abort();
  setTimeout(() => {
    first.abort();
  }, 300);
  await expect(running).rejects.toThrow(/abort/i);
  await expect(waiting).rejects.toThrow(/abort/i);
  await planner.ask({ about: "device" });
});

test("what planning refuses arrives with its code, and a planner that dies says so", async () => {
  const planner = newPlanner();
  const nowhere = { ...long, measure: false, config: { ...long.config, tensors: `${folder}/nowhere` } };
  await expect(planner.ask(nowhere)).rejects.toMatchObject({ code: "ERR_FILE" });
  const asked = planner.ask(long);
  setTimeout(() => {
    planner.close();
  }, 1000);
  await expect(asked).rejects.toMatchObject({ code: "ERR_INTERNAL" });
  await planner.ask({ about: "device" });
});

test("a page that asks no more frees the planner for the next question", async () => {
  const { fetch, post, origin } = await openBrowser(folder);
  const over = new AbortController();
  const measured = choices({
    device: "cpu",
    threads: "1",
    batchSize: "3",
    gradientAccumulation: "4096",
    datasetRepeats: "4096",
  });
  const asked = fetch("/api/train/plan", {
    method: "POST",
    headers: { origin, "content-type": "application/json" },
    body: JSON.stringify({ ...measured, measure: true }),
    signal: over.signal,
  });
  setTimeout(() => {
    over.abort();
  }, 1000);
  await expect(asked).rejects.toThrow(/abort/i);
  const began = performance.now();
  expect((await post("train/plan", choices())).status).toBe(200);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test("before a job begins the planner gives up its process, after the question in hand", async () => {
  const planner = newPlanner();
  const pid = (): number | undefined => (planner as unknown as { child?: { pid?: number } }).child?.pid;
  await planner.ask({ about: "device" });
  const first = pid();
  expect(first).toBeDefined();
  planner.makeRoom();
  expect(pid()).toBeUndefined();
  const asked = planner.ask({ about: "device" });
  await Promise.resolve().then(() => undefined);
  planner.makeRoom();
  expect((await asked).device.memoryBytes).toBeGreaterThan(0);
  await until(() => {
    expect(pid()).toBeUndefined();
  });
});
