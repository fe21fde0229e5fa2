import { expect, test } from "vitest";
import { timestepLaw, turboTable, withResolvedTimesteps } from "../../src/plan/timesteps.js";
import { parseConfig } from "../../src/config/parse-config.js";

const turbo = { timestepMu: -0.4, timestepSigma: 1 };
const parse = (changes: object) => parseConfig({ tensors: "t", model: "m", output: "o", ...changes });

test("the law of the model is the default, with the numbers of its config", () => {
  expect(timestepLaw(parse({}), turbo)).toEqual({ law: "logit-normal-max2", mu: -0.4, sigma: 1 });
  expect(timestepLaw(parse({}), { timestepMu: 0.1, timestepSigma: 2 })).toMatchObject({ mu: 0.1, sigma: 2 });
});

test("the user's numbers win over the model's", () => {
  const config = parse({ timesteps: "logit-normal", timestepMu: 0.5 });
  expect(timestepLaw(config, turbo)).toEqual({ law: "logit-normal", mu: 0.5, sigma: 1 });
});

test("the discrete table is turbo's at shift 3", () => {
  const expected = [1, 0.9545454545, 0.9, 0.8333333333, 0.75, 0.6428571429, 0.5, 0.3];
  turboTable.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] ?? NaN, 9);
  });
  expect(timestepLaw(parse({ timesteps: "discrete" }), turbo)).toEqual({
    law: "discrete",
    table: turboTable,
  });
});

test("a resolved configuration gives the same law whatever the model says", () => {
  for (const timesteps of ["logit-normal-max2", "logit-normal", "uniform", "discrete"]) {
    const law = timestepLaw(parse({ timesteps }), turbo);
    const resolved = withResolvedTimesteps(parse({ timesteps }), law);
    expect(timestepLaw(resolved, { timestepMu: 9, timestepSigma: 9 })).toEqual(law);
  }
});
