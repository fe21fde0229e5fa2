import { expect, test } from "vitest";
import { Scores } from "../../src/estimate/scores.js";

const reading = (squares: Readonly<Record<string, number>>) => ({
  sample: { loss: 1, timestep: 0.5, conditionDropped: false },
  squaredNorms: new Map(Object.entries(squares)),
});
const [q, up] = ["layers.0.self_attn.q_proj", "layers.1.mlp.up_proj"];

test("means are over batches, deviations over runs, layers over their modules", () => {
  const scores = new Scores();
  scores.beginRun();
  expect(scores.add(reading({ [q]: 9, [up]: 4 }))).toBe(true);
  expect(scores.add(reading({ [q]: 25, [up]: 16 }))).toBe(true);
  expect(scores.add(reading({ [q]: NaN, [up]: 1 }))).toBe(false);
  scores.beginRun();
  expect(scores.add(reading({ [q]: 1, [up]: 100 }))).toBe(true);
  expect([scores.batches, scores.runs]).toEqual([3, 2]);
  // 2 x 5 elements: of q runs of (9 + 25) / 20 and 1 / 10, of up of 1 and 10.
  const modules = scores.modules(() => ({ out: 2, in: 5 }));
  expect(modules.map(({ name }) => name)).toEqual([up, q]);
  expect(modules[0]).toMatchObject({ sensitivity: 16 / 3, fisherScore: 4, crossRunStd: 4.5 });
  expect(modules[1]?.sensitivity).toBe(3);
  expect(modules[1]?.fisherScore).toBeCloseTo(35 / 30, 12);
  expect(modules[1]?.crossRunStd).toBeCloseTo(0.8, 12);
  expect(scores.layers(3)).toEqual([3, 16 / 3, 0]);
});

test("an order is kept only while it is the same, and each run begins anew", () => {
  const scores = new Scores();
  const kept = (squares: Readonly<Record<string, number>>) => {
    scores.add(reading(squares));
    return scores.keptOrder;
  };
  scores.beginRun();
  expect(kept({ [q]: 2, [up]: 1 })).toBe(0);
  expect(kept({ [q]: 2, [up]: 1 })).toBe(1);
  expect(kept({ [q]: 2, [up]: 9 })).toBe(0);
  expect(kept({ [q]: 0, [up]: 1 })).toBe(1);
  scores.beginRun();
  expect(kept({ [q]: 1, [up]: 2 })).toBe(0);
});
