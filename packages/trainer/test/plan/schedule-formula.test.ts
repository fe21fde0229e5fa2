import { expect, test } from "vitest";
import { compileFormula, scheduleTemplates, type FormulaValues } from "../../src/plan/schedule-formula.js";

const values: FormulaValues = {
  step: 30,
  total_steps: 120,
  progress: 0.25,
  epoch: 7,
  total_epochs: 30,
  steps_per_epoch: 4,
  base_lr: 2e-4,
};

test.each([
  ["1 + 2 * 3 - 4 / 8", 6.5],
  ["2 ** 3 ** 2", 512],
  ["-2 ** 2", 4],
  ["7 // 2 + 7 % 4", 6],
  ["-7 // 2", -4],
  ["-7 % 4", 1],
  ["step + total_steps + progress + epoch + total_epochs + steps_per_epoch", 191.25],
  ["base_lr * 0.5 * (1 + cos(pi * progress))", 2e-4 * 0.5 * (1 + Math.SQRT1_2)],
  ["progress < 0.3 ? base_lr : 0", 2e-4],
  ["(epoch >= 7) + (epoch == 7) + (epoch != 7) + (epoch <= 6) + (epoch > 6)", 3],
  ["min(3, 1, 2) + max(3, 9) + clamp(5, 0, 1) + abs(-2) + floor(1.9) + sqrt(16) + pow(2, 5)", 50],
  ["exp(0) + log(e) + sin(0)", 2],
])("%s is %f", (formula, expected) => {
  expect(compileFormula(formula)(values)).toBeCloseTo(expected, 12);
});

test.each(Object.entries(scheduleTemplates))(
  "the template %s can be read, by its name too",
  (name, formula) => {
    const rate = compileFormula(formula)(values);
    expect(compileFormula(name)(values)).toBe(rate);
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThanOrEqual(2e-4);
  },
);

test.each([
  ["", /more than one expression \(or nothing\)/],
  ["1 2", /more than one expression/],
  ["base_lr *", /Expected expression/],
  ["base_lr ^ 2", /operator \^ is not known; a power is written \*\*/],
  ["lr * 2", /lr is not known; there are step, total_steps/],
  ["process.exit(1)", /that call is not known/],
  ["constructor", /constructor is not known/],
  ["toString()", /toString\(\) is not known/],
  ["this", /ThisExpression is not known/],
  ["[1][0]", /MemberExpression is not known/],
  ["'a'", /'a' is no number/],
  ["true", /true is no number/],
  ["!step", /operator ! is not known/],
  ["cos(1, 2)", /cos\(\) takes 1 values, got 2/],
  ["clamp(1, 2)", /clamp\(\) takes 3 values, got 2/],
  ["step = 3", /Unexpected|not known/],
  ["1".repeat(1001), /longer than 1000 characters/],
])("%s is refused", (formula, message) => {
  expect(() => compileFormula(formula)).toThrow(message);
});

test("brackets as deep as a formula may be long do no harm", () => {
  expect(compileFormula("(".repeat(499) + "1" + ")".repeat(499))(values)).toBe(1);
  expect(compileFormula("-".repeat(998) + "1")(values)).toBe(1);
});
