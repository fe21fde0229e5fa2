import { expect, test } from "vitest";
import { EventQueue } from "../src/event-queue.js";
import type { TrainEvent } from "../src/events.js";

const step = (n: number): TrainEvent => ({
  type: "step",
  step: n,
  epoch: 1,
  loss: 1,
  gradNorm: 1,
  learningRate: 1,
  samplesPerSecond: 1,
  secondsPerStep: 1,
  etaS: 1,
  skipped: false,
});
const checkpoint = (n: number): TrainEvent => ({ type: "checkpoint", step: n, folder: "x" });

async function drain(queue: EventQueue): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for (let event = await queue.next(); event !== undefined; event = await queue.next()) all.push(event);
  return all;
}

test("what was pushed is read in order, also by a reader that waits", async () => {
  const queue = new EventQueue();
  const reading = drain(queue);
  queue.push(step(1));
  await Promise.resolve();
  queue.push(checkpoint(1));
  queue.close();
  expect((await reading).map(({ type }) => type)).toEqual(["step", "checkpoint"]);
});

test("a slow reader loses the oldest steps and nothing else", async () => {
  const queue = new EventQueue();
  for (let n = 1; n <= 10_000; n++) {
    queue.push(step(n));
    if (n % 1000 === 0) queue.push(checkpoint(n));
  }
  queue.close();
  const all = await drain(queue);
  const steps = all.filter(({ type }) => type === "step").map((event) => event.step);
  expect(steps).toHaveLength(256);
  expect(steps.at(-1)).toBe(10_000);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(all.filter(({ type }) => type === "checkpoint")).toHaveLength(10);
});

test("reading makes room again", async () => {
  const queue = new EventQueue();
  for (let n = 1; n <= 200; n++) queue.push(step(n));
  for (let n = 1; n <= 200; n++) expect((await queue.next())?.step).toBe(n);
  for (let n = 201; n <= 400; n++) queue.push(step(n));
  queue.close();
  expect(await drain(queue)).toHaveLength(200);
});

test("an error comes after what happened before it, once", async () => {
  const queue = new EventQueue();
  queue.push(step(1));
  queue.fail(new Error("boom"));
  expect((await queue.next())?.step).toBe(1);
  await expect(queue.next()).rejects.toThrow("boom");
  expect(await queue.next()).toBeUndefined();
});
