import { expect, test } from "vitest";
import { matrixOf } from "../../src/adapters/matrix.js";
import { leadingSvd } from "../../src/adapters/svd.js";
import { atOnce, inTurns, type Work } from "../../src/adapters/turns.js";
import { randomStream } from "../../src/plan/counter-random.js";

test("the event loop turns while a matrix is decomposed, and the result is the same to the bit", async () => {
  const next = randomStream(1, "order");
  const size = 400;
  const a = matrixOf(
    size,
    size,
    Array.from({ length: size * size }, () => next() - 0.5),
  );
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const beside = await inTurns(leadingSvd(a, 20));
  isDone = true;
  expect(turns).toBeGreaterThan(10);
  expect(beside).toEqual(atOnce(leadingSvd(a, 20)));
});

test("a computation ends at its next turn once it is not wanted any more", async () => {
  const stop = new AbortController();
  let worked = 0;
  function* endless(): Work<never> {
    for (;;) {
      worked += 1;
      yield;
    }
  }
  setImmediate(() => {
    stop.abort(new Error("enough"));
  });
  await expect(inTurns(endless(), stop.signal)).rejects.toThrow("enough");
  expect(worked).toBeGreaterThan(0);
});

test("an error of the computation is the caller's", async () => {
  function* failing(): Work<number> {
    yield;
    throw new Error("no");
  }
  await expect(inTurns(failing())).rejects.toThrow("no");
  expect(() => atOnce(failing())).toThrow("no");
});
