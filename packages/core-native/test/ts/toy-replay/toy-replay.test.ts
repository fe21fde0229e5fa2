// Learning is real: each adapter kind trained step by step as the PyTorch reference trained it on the toy checkpoint.
import { expect, test } from "vitest";
import { replay, runNames, wholeSteps } from "./replay.js";

/** LoRA to its end; the others to their end in toy-replay.full.test.ts. */
const stepsOf = (name: string) => (name === "lora" ? wholeSteps : 40);

test.each(runNames)("%s follows the reference's losses within 1e-4", { timeout: 120_000 }, async (name) => {
  const steps = stepsOf(name);
  const { worst, validation } = await replay(name, steps);
  console.log(`${name}: worst relative error of any loss in ${steps} steps ${worst.toExponential(2)}`);
  // Measured over all 300 steps: AdamW 5e-6 at most, Adafactor 3e-7, Muon 5e-5.
  expect(worst).toBeLessThan(1e-4);
  expect(validation.at(-1)).toBeLessThan(0.9 * (validation[0] ?? 0));
});
