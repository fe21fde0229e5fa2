import { expect, test } from "vitest";
import { timestepLaw, withResolvedTimesteps } from "../../src/plan/timesteps.js";
import { parseConfig } from "../../src/config/parse-config.js";

const turbo = { timestepMu: -0.4, timestepSigma: 1, isTurbo: true };
const base = { ...turbo, isTurbo: false };
const parse = (changes: object) => parseConfig({ tensors: "t", model: "m", output: "o", ...changes });

test("the law of the model is the default, with the numbers of its config", () => {
  expect(timestepLaw(parse({}), turbo)).toEqual({ law: "logit-normal-max2", mu: -0.4, sigma: 1 });
  expect(timestepLaw(parse({}), { ...base, timestepMu: 0.1, timestepSigma: 2 })).toMatchObject({
    mu: 0.1,
    sigma: 2,
  });
});

test("the user's numbers win over the model's", () => {
  const config = parse({ timesteps: "logit-normal", timestepMu: 0.5 });
  expect(timestepLaw(config, turbo)).toEqual({ law: "logit-normal", mu: 0.5, sigma: 1 });
});

test("the discrete table is turbo's at shift 3", () => {
  const expected = [1, 0.9545454545, 0.9, 0.8333333333, 0.75, 0.6428571429, 0.5, 0.3];
  for (const model of [turbo, base]) {
    const law = timestepLaw(parse({ timesteps: "discrete" }), model);
    expect(law).toMatchObject({
      law: "discrete",
      table: expected.map((value) => expect.closeTo(value, 9) as number),
    });
  }
});

test("by-variant: turbo is asked at its sampler's times, the others as the model was trained", () => {
  const config = parse({ timesteps: "by-variant" });
  expect(timestepLaw(config, base)).toEqual({ law: "logit-normal-max2", mu: -0.4, sigma: 1 });
  expect(timestepLaw(config, turbo)).toEqual(timestepLaw(parse({ timesteps: "discrete" }), turbo));
  const shift1 = timestepLaw(config, { ...turbo, turboShift: 1 });
  expect(shift1).toEqual({ law: "discrete", table: [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125] });
  expect(withResolvedTimesteps(config, shift1)).toMatchObject({ timesteps: "discrete" });
});

test("a resolved configuration gives the same law whatever the model says", () => {
  for (const timesteps of ["logit-normal-max2", "logit-normal", "uniform", "discrete", "by-variant"]) {
    const law = timestepLaw(parse({ timesteps }), turbo);
    const resolved = withResolvedTimesteps(parse({ timesteps }), law);
    expect(timestepLaw(resolved, { ...base, timestepMu: 9, timestepSigma: 9 })).toEqual(law);
  }
});
