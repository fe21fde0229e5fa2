import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse-config.js";
import { lossWeightingOf } from "../../src/plan/loss-weighting.js";

const parse = (changes: object) => parseConfig({ tensors: "t", model: "m", output: "o", ...changes });

test("nothing is weighted unless asked for, and gamma is 5 unless given", () => {
  expect(lossWeightingOf(parse({}))).toEqual({ law: "none" });
  expect(lossWeightingOf(parse({ lossWeighting: "min-snr" }))).toEqual({ law: "min-snr", gamma: 5 });
  expect(lossWeightingOf(parse({ lossWeighting: "min-snr-inverse", snrGamma: 2 }))).toEqual({
    law: "min-snr-inverse",
    gamma: 2,
  });
});

test("a table's points rise, in whatever order they were written", () => {
  const lossWeightTable = { "0.8": 2, "0.2": 1, "1": 0 };
  expect(lossWeightingOf(parse({ lossWeighting: "table", lossWeightTable }))).toEqual({
    law: "table",
    points: [
      [0.2, 1],
      [0.8, 2],
      [1, 0],
    ],
  });
});

test.each<[object, RegExp]>([
  [{ lossWeighting: "table" }, /lossWeightTable goes with lossWeighting "table", and each needs the other/],
  [{ lossWeightTable: { "0.5": 1 } }, /lossWeightTable goes with lossWeighting "table"/],
  [{ lossWeighting: "table", lossWeightTable: {} }, /lossWeightTable needs at least one timestep/],
  [{ lossWeighting: "table", lossWeightTable: { "0.5": 1, "0.50": 2 } }, /gives a timestep twice/],
  [{ lossWeighting: "table", lossWeightTable: { "1.5": 1 } }, /lossWeightTable/],
  [{ lossWeighting: "table", lossWeightTable: { "0.5": -1 } }, /lossWeightTable/],
  [
    { snrGamma: 5 },
    /snrGamma belongs to lossWeighting min-snr and min-snr-inverse, but lossWeighting is none/,
  ],
])("refuses %j", (changes, message) => {
  expect(() => parse(changes)).toThrow(message);
});
