import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { StopRequest, stoppedAtOnce } from "../src/stop-request.js";

test("work that ends first gives its result or its error", async () => {
  const stop = new StopRequest();
  expect(await stop.race(Promise.resolve(7))).toBe(7);
  await expect(stop.race(Promise.reject(new Error("no")))).rejects.toThrow("no");
});

test("a stop at once ends the wait for what never ends, and for all that comes after", async () => {
  const now = new AbortController();
  const stop = new StopRequest(undefined, now.signal);
  const never = new Promise(() => undefined);
  const waits = [stop.race(never), stop.race(never)];
  now.abort();
  expect(await Promise.all(waits)).toEqual([stoppedAtOnce, stoppedAtOnce]);
  expect(await stop.race(never)).toBe(stoppedAtOnce);
  expect([stop.isRequested, stop.isAtOnce]).toEqual([true, true]);
});

test("work that fails after the stop is heard by nobody, and no rejection is left unhandled", async () => {
  const now = new AbortController();
  const stop = new StopRequest(undefined, now.signal);
  let fail: ((error: Error) => void) | undefined;
  const wait = stop.race(new Promise((_, reject) => (fail = reject)));
  now.abort();
  expect(await wait).toBe(stoppedAtOnce);
  fail?.(new Error("late"));
  await stop.workInHand;
});

test("a hundred thousand steps leave nothing behind", { timeout: 60_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const stop = new StopRequest(undefined, new AbortController().signal);
  const race = async (times: number) => {
    for (let i = 0; i < times; i++) await stop.race(Promise.resolve(i));
  };
  await race(1000);
  collect();
  const before = process.memoryUsage().heapUsed;
  await race(100_000);
  collect();
  // A promise remembered for every step would be more than 30 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5e6);
});
