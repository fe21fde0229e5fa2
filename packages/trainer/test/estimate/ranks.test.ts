import { expect, test } from "vitest";
import { effectiveRank } from "../../src/estimate/effective-rank.js";
import { assignRanks, chooseModules, parametersOf, type ModuleScore } from "../../src/estimate/ranks.js";
import { matrixOf } from "../../src/adapters/matrix.js";
import { svd } from "../adapters/at-once.js";
import { randomStream } from "../../src/plan/counter-random.js";

const score = (name: string, fisherScore: number, effectiveRank = 10): ModuleScore => {
  return { name, out: 256, in: 256, sensitivity: 1, fisherScore, crossRunStd: 0, effectiveRank };
};
const bounds = { rank: 64, rankMin: 16, rankMax: 128 };

test("ranks follow the root of score and spectrum, in eights, within their bounds", () => {
  const modules = [score("a", 1), score("b", 4), score("c", 0.25), score("d", 1e-9), score("e", 1, 22.5)];
  // medians 1 and 10: 64, 128, 32, least, 64 sqrt(2.25)
  expect(assignRanks(modules, bounds)?.map(({ rank }) => rank)).toEqual([64, 128, 32, 16, 96]);
});

test("no rank is above what the weight itself has, on either side", () => {
  const narrow = { ...score("in", 4), in: 24 };
  const low = { ...score("out", 4), out: 40 };
  expect(assignRanks([score("a", 1), score("b", 1), narrow, low, score("c", 1)], bounds)).toMatchObject([
    { rank: 64 },
    { rank: 64 },
    { rank: 24 },
    { rank: 40 },
    { rank: 64 },
  ]);
});

test("modules of one score are chosen by name, however they come", () => {
  const alike = ["b", "d", "a", "c"].map((name) => score(`layers.0.self_attn.${name}`, 1));
  const chosen = ["layers.0.self_attn.a", "layers.0.self_attn.b"];
  expect(chooseModules(alike).map(({ name }) => name)).toEqual(chosen);
  expect(chooseModules(alike.reverse()).map(({ name }) => name)).toEqual(chosen);
});

test("a budget holds, is used well, and is refused where nothing fits", () => {
  const modules = Array.from({ length: 20 }, (_, i) => score(`m${i}`, 1 + i));
  const fit = assignRanks(modules, { ...bounds, parameterBudget: 300_000 });
  expect(parametersOf(fit ?? [])).toBeLessThanOrEqual(300_000);
  expect(parametersOf(fit ?? [])).toBeGreaterThan(240_000);
  expect(assignRanks(modules, { ...bounds, parameterBudget: 1000 })).toBeUndefined();
});

test("the best 55 % are chosen, and a tenth of every category however low its scores", () => {
  const self = Array.from({ length: 20 }, (_, i) => score(`layers.${i}.self_attn.q_proj`, 100 - i));
  const mlp = Array.from({ length: 20 }, (_, i) => score(`layers.${i}.mlp.up_proj`, 1 - i / 100));
  const chosen = chooseModules([...mlp, ...self]).map(({ name }) => name);
  expect(chosen).toHaveLength(22);
  const lowMlp = Array.from({ length: 4 }, (_, i) => score(`layers.${i}.mlp.up_proj`, 1e-3));
  expect(chooseModules([...lowMlp, ...self]).filter(({ name }) => name.includes("mlp"))).toHaveLength(1);
});

test.each([
  [40, 70],
  [96, 150],
  [150, 96],
])("the effective rank of a %i x %i matrix is that of its singular values", async (rows, columns) => {
  const next = randomStream(1, "order", rows);
  const columnScale = Array.from({ length: columns }, (_, i) => 1 / (1 + i / 12));
  const values = Float32Array.from(
    { length: rows * columns },
    (_, i) => (next() - 0.5) * (columnScale[i % columns] ?? 0),
  );
  const squares = [...svd(matrixOf(rows, columns, values)).s].map((value) => value * value);
  const all = squares.reduce((a, b) => a + b, 0);
  let [held, exact] = [0, 0];
  while (held < 0.95 * all) held += squares[exact++] ?? 0;
  const estimated = await effectiveRank(values, rows, columns);
  expect(Math.abs(estimated - exact)).toBeLessThanOrEqual(Math.min(rows, columns) <= 48 ? 0 : 0.06 * exact);
});

test.each([8, 64])(
  "a %i x 100 matrix of zeros, and one of a single row that is not, have the effective rank 1",
  async (rows) => {
    const values = new Float32Array(rows * 100);
    expect(await effectiveRank(values, rows, 100)).toBe(1);
    values.fill(0.5, 100, 200);
    expect(await effectiveRank(values, rows, 100)).toBe(1);
  },
);
