import { join } from "node:path";
import { planRun, TrainConfig } from "@acewright/trainer";
import { expect, test } from "vitest";
import { readTexts } from "../../dist/studio/form/read-texts.js";
import { viewPlan } from "../../dist/studio/training/plan-view.js";
import { omitted } from "../../dist/studio/training/train-choices.js";
import { folderWithTensors, model } from "./training.js";

const places = { model, output: "x" };
// Of a device that need not be here.
const memoryBytes = 560 * 2 ** 20;

test("each cure's texts, taken over, make a run fit that did not", async () => {
  const tensors = join(await folderWithTensors(), "tensors");
  const texts = {
    device: "cpu",
    batchSize: "16",
    datasetRepeats: "16",
    "adapter.rank": "512",
    cropFrames: "200",
  };
  const read = (more: Record<string, string>) =>
    readTexts(TrainConfig, { ...texts, ...more }, { beside: { ...places, tensors }, omit: omitted }).values;
  const plan = await planRun({ ...read({}), ...places, tensors }, { memoryBytes });
  expect(plan.recompute.fits).toBe(false);
  const { cures } = viewPlan(plan, read({}), false);
  expect(cures.length).toBeGreaterThan(0);
  for (const { settings, words } of cures) {
    const cured = await planRun({ ...read(settings), ...places, tensors }, { memoryBytes });
    expect(cured.recompute.fits, `${words}: ${JSON.stringify(settings)}`).toBe(true);
  }
});
