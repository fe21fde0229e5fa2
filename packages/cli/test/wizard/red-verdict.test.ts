// A verdict that is red, as it is on a small card: what the plan says of memory is ours, all else is real.
import type * as Trainer from "@acewright/trainer";
import type { MemoryCure } from "@acewright/trainer";
import { beforeEach, expect, test, vi } from "vitest";
import { chosenCure, cureChoices } from "../../src/wizard/cures.js";
import { withCure } from "../../src/choices/with-cure.js";
import type { FakePerson } from "./fake-person.js";
import { openWizard } from "./scene.js";

const cures: readonly MemoryCure[] = [
  { recompute: "block", batchSize: 1, rank: 2, totalBytes: 1e6 },
  { recompute: "block", cropSeconds: 5, totalBytes: 1e6 },
];

vi.mock("@acewright/trainer", async (importOriginal) => {
  const real = await importOriginal<typeof Trainer>();
  const planRun: typeof real.planRun = async (config, options) => {
    const plan = await real.planRun(config, options);
    if (config.recompute === "block") return plan;
    const red = { verdict: "red", fits: false, cures, reason: "training needs 9 GiB" } as const;
    return { ...plan, recompute: { ...plan.recompute, ...red } };
  };
  return { ...real, planRun };
});

const wizard = openWizard();
let person: FakePerson;
beforeEach(() => {
  ({ person } = wizard);
});

test("a training that has no room is not offered to begin, its cures are, and then it is", async () => {
  await person.answers("What shall be done?", "enter");
  await person.answers("How much", "enter");
  await person.answers("Which folder of tensors?", "enter");
  await person.answers("Which model?", "toy", "enter");
  await person.answers("Which folder shall the run", "clear", "runs/red", "enter");
  await person.answers("Which settings to begin from?", "down", "down", "enter");
  for (const one of ["adapter:", "rank:", "alpha:", "trigger:", "epochs:", "learning-rate:"])
    await person.answers(one, "enter");
  await person.answers("crop-seconds:", "2", "enter");
  await person.answers("save-every-epochs:", "enter");
  await person.saw("it cannot be begun: training needs 9 GiB");
  await person.saw("Begin?");
  await person.saw("make it fit: batchSize 1 and rank 2");
  await person.saw("make it fit: cropSeconds 5");
  expect(person.text).not.toContain("begin the training");
  await person.answers("change:", "enter");
  await person.saw("--recompute block");
  await person.answers("begin the training", "ctrlC");
  expect(person.text).toMatch(/acewright train .*--rank 2/);
  await person.answers("save-every-epochs:", ...Array<string>(8).fill("escape"));
});

test("a cure is all that it changes, and a crop is told once", () => {
  expect(cureChoices(cures).map(({ label }) => label)).toEqual([
    "make it fit: batchSize 1 and rank 2",
    "make it fit: cropSeconds 5",
  ]);
  const [first, second] = cureChoices(cures).map(({ value }) => chosenCure(cures, value));
  expect([first, second]).toEqual(cures);
  expect(chosenCure(cures, "preset")).toBeUndefined();
  const values = { batchSize: 4, cropFrames: 100, adapter: { kind: "dora", rank: 8, alpha: 4 } };
  expect(withCure(values, cures[0] as MemoryCure)).toEqual({
    recompute: "block",
    batchSize: 1,
    cropFrames: 100,
    adapter: { kind: "dora", rank: 2, alpha: 4 },
  });
  expect(withCure(values, cures[1] as MemoryCure)).toEqual({
    recompute: "block",
    batchSize: 4,
    cropSeconds: 5,
    adapter: { kind: "dora", rank: 8, alpha: 4 },
  });
  const bytes: MemoryCure = { recompute: "block", optimizer: "adamw8bit", totalBytes: 1 };
  expect(withCure({ optimizer: { kind: "adamw", beta1: 0.8 } }, bytes)).toEqual({
    recompute: "block",
    optimizer: { kind: "adamw8bit", beta1: 0.8 },
  });
});
