import { expect, test } from "vitest";
import { expendable, saveIsDue } from "../../src/plan/retention.js";

test("the newest stay, and 0 keeps all", () => {
  expect(expendable([30, 10, 20, 40], 2)).toEqual([20, 10]);
  expect(expendable([10], 2)).toEqual([]);
  expect(expendable([1, 2, 3], 0)).toEqual([]);
});

test("a checkpoint is due by steps, by whole epochs, or by both", () => {
  const due = (steps: number, epochs: number, epochEnded: boolean, saveEverySteps?: number) =>
    saveIsDue({ saveEverySteps, saveEveryEpochs: 2 }, { steps, epochs, epochEnded });
  expect(due(10, 1, false, 5)).toBe(true);
  expect(due(11, 1, false, 5)).toBe(false);
  expect(due(11, 2, true)).toBe(true);
  expect(due(11, 2, false)).toBe(false);
  expect(due(11, 3, true)).toBe(false);
});
