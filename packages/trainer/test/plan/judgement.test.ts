import { expect, test } from "vitest";
import {
  afterEpoch,
  afterStep,
  afterValidation,
  epochsLoss,
  isOverfitting,
  Judgement,
} from "../../src/plan/judgement.js";

const settings = { targetLossFloor: 0.01, targetLossWarmup: 0, targetLossSmoothing: 0.9 };
const fresh = Judgement.parse({});

/** A judgement after epochs of so many losses. */
const after = (epochs: readonly (readonly number[])[]) =>
  epochs.reduce(
    (state, losses) => afterEpoch(losses.reduce((s, x) => afterStep(s, settings, x), state)),
    fresh,
  );

test("the mean of epochs needs five of them and keeps the newest", () => {
  expect(epochsLoss(after([[1], [2], [3], [4]]))).toBeUndefined();
  expect(epochsLoss(after([[1], [2], [3], [4], [4, 6]]))).toBe(3);
  expect(epochsLoss(after([[100], [1], [2], [3], [4], [5]]))).toBe(3);
});

test("an epoch of skipped steps leaves no mean", () => {
  expect(after([[1], [], [3]]).epochLosses).toEqual([1, 3]);
});

const told = (pairs: readonly (readonly [validation: number, training: number])[]) =>
  pairs.map(
    (
      (state) =>
      ([validation, training]) => {
        state = afterValidation({ ...state, training: { sum: training, weight: 1 } }, validation);
        return isOverfitting(state);
      }
    )(fresh),
  );

test("three rises in a row while the training loss falls are told once", () => {
  expect(
    told([
      [0.5, 1],
      [0.4, 0.9],
      [0.41, 0.8],
      [0.42, 0.7],
      [0.43, 0.6],
      [0.44, 0.5],
    ]),
  ).toEqual([false, false, false, false, true, false]);
});

test("rises with a rising training loss, or with a fall between them, are none", () => {
  expect(
    told([
      [0.4, 0.5],
      [0.41, 0.6],
      [0.42, 0.7],
      [0.43, 0.8],
    ]),
  ).not.toContain(true);
  expect(
    told([
      [0.4, 0.9],
      [0.41, 0.8],
      [0.42, 0.7],
      [0.41, 0.6],
      [0.42, 0.5],
      [0.43, 0.4],
    ]),
  ).not.toContain(true);
});

test("a validation that is not finite says nothing", () => {
  expect(afterValidation(fresh, NaN)).toBe(fresh);
});
