import { expect, test } from "vitest";
import { stepPosition, stepsPerEpoch, totalSteps } from "../../src/plan/steps.js";

test("steps tile every epoch exactly, with a smaller last one", () => {
  for (let batchesPerEpoch = 1; batchesPerEpoch <= 23; batchesPerEpoch++) {
    for (let gradientAccumulation = 1; gradientAccumulation <= 9; gradientAccumulation++) {
      const settings = { batchesPerEpoch, gradientAccumulation };
      const perEpoch = stepsPerEpoch(settings);
      for (let epoch = 0; epoch < 3; epoch++) {
        let next = 0;
        for (let i = 0; i < perEpoch; i++) {
          const position = stepPosition(settings, epoch * perEpoch + i);
          expect(position.epoch).toBe(epoch);
          expect(position.from).toBe(next);
          expect(position.to - position.from).toBeGreaterThan(0);
          expect(position.to - position.from).toBeLessThanOrEqual(gradientAccumulation);
          expect(position.endsEpoch).toBe(i === perEpoch - 1);
          next = position.to;
        }
        expect(next).toBe(batchesPerEpoch);
      }
    }
  }
});

test("the run ends with its epochs or with maxSteps, whichever is first", () => {
  const settings = { batchesPerEpoch: 5, gradientAccumulation: 2, epochs: 4 };
  expect(totalSteps({ ...settings, maxSteps: undefined })).toBe(12);
  expect(totalSteps({ ...settings, maxSteps: 7 })).toBe(7);
  expect(totalSteps({ ...settings, maxSteps: 100 })).toBe(12);
});
