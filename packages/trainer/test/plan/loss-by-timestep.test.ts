import { expect, test } from "vitest";
import { lossByTimestep, meanLoss } from "../../src/plan/loss-by-timestep.js";

test("each answer counts in its fifth of the timesteps, pure noise in the last; empty fifths are left out", () => {
  const answers = [
    { loss: 1, timestep: 0 },
    { loss: 3, timestep: 0.1999 },
    { loss: 5, timestep: 0.5 },
    { loss: 7, timestep: 0.95 },
    // What turbo's first step asks.
    { loss: 9, timestep: 1 },
  ];
  expect(lossByTimestep(answers)).toEqual([
    { from: 0, to: 0.2, loss: 2, samples: 2 },
    { from: 0.4, to: 0.6, loss: 5, samples: 1 },
    { from: 0.8, to: 1, loss: 8, samples: 2 },
  ]);
  expect(meanLoss(answers)).toBe(5);
});
