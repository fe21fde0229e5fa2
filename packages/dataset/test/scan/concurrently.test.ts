import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapConcurrently } from "../../src/scan/concurrently.js";

test("results stand in the order of the items, whichever ends first, and no more than so many are under way", async () => {
  let [underWay, most] = [0, 0];
  const results = await mapConcurrently([30, 1, 20, 1, 10, 1], 2, undefined, async (ms, index) => {
    most = Math.max(most, ++underWay);
    await sleep(ms);
    underWay--;
    return index;
  });
  expect(results).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

test("the failure that came first is thrown, once the works already begun have ended, and no other is begun", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (index: number): Promise<void> => {
    begun.push(index);
    await sleep(index === 0 ? 40 : 1);
    ended.push(index);
    throw new Error(`failure of ${index}`);
  };
  await expect(mapConcurrently([0, 1, 2, 3], 2, undefined, work)).rejects.toThrow("failure of 1");
  expect(begun).toEqual([0, 1]);
  expect(ended).toEqual([1, 0]);
});

test("a signal ends it with its reason before the next item is begun", async () => {
  const stop = new AbortController();
  const begun: number[] = [];
  const work = (index: number): Promise<void> => {
    begun.push(index);
    if (index === 1) stop.abort(new Error("enough"));
    return Promise.resolve();
  };
  await expect(mapConcurrently([0, 1, 2, 3], 1, stop.signal, work)).rejects.toThrow("enough");
  expect(begun).toEqual([0, 1]);
});
