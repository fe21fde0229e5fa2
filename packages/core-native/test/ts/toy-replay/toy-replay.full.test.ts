// Learning is real, whole: every adapter kind follows the reference's curve to its last step.
import { expect, test } from "vitest";
import { replay, runNames, wholeSteps } from "./replay.js";

test.each(runNames)("all steps of %s follow the reference's losses", { timeout: 240_000 }, async (name) => {
  const { worst, validation } = await replay(name, wholeSteps);
  console.log(
    `${name}: ${validation[0]} to ${validation.at(-1)}, worst relative error ${worst.toExponential(2)}`,
  );
  expect(worst).toBeLessThan(1e-4);
  expect(validation.at(-1)).toBeLessThan(0.9 * (validation[0] ?? 0));
});
