import { join } from "node:path";
import { planMemory, readSafetensors, toFloat32 } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { trainWith } from "../../src/train/train.js";
import { toyModel, toyParts, toyRun } from "../toy.js";
import { bytesOf, events, ofType, scratch } from "../trained.js";

const decay = 0.4; // reached by the fifth update
const steps = 6;

const run = (output: string, changes: Partial<TrainConfigInput> = {}) =>
  toyRun(output, {
    emaDecay: decay,
    maxSteps: steps,
    validationEvery: steps,
    validationDraws: 1,
    saveEverySteps: 1,
    keepCheckpoints: 0,
    ...changes,
  });

const checkpoint = (folder: string, step: number) => join(folder, "checkpoints", `step-0000000${step}`);

/** Every number of a checkpoint's adapter, and of what is trained, by the adapter's names. */
function weightsAt(folder: string) {
  const { tensors: adapter } = readSafetensors(join(folder, "adapter_model.safetensors"));
  const { tensors: state } = readSafetensors(join(folder, "state.safetensors"));
  return Object.entries(adapter).map(([name, tensor]) => {
    const trained = state[`trained.${name}`];
    if (trained === undefined) throw new Error(`${folder}: trained.${name} is missing`);
    return { name, average: toFloat32(tensor), trained: toFloat32(trained) };
  });
}

test(
  "the adapter of each checkpoint is the average of those trained so far, by the formula in float64",
  { timeout: 60_000 },
  async () => {
    const output = join(scratch(), "run");
    await events(run(output), {}, toyParts());
    let before = weightsAt(checkpoint(output, 1));
    // The B factors began at zero.
    for (const { average, trained } of before.filter(({ name }) => name.includes("lora_B"))) {
      const wrong = average.filter((value, i) => Math.abs(value - ((trained[i] as number) * 9) / 11) > 1e-7);
      expect(wrong).toHaveLength(0);
    }
    for (let n = 2; n <= steps; n++) {
      const now = weightsAt(checkpoint(output, n));
      const d = Math.min(decay, (1 + n) / (10 + n));
      let worst = 0;
      let moved = 0;
      now.forEach(({ average, trained }, tensor) => {
        const old = before[tensor]?.average as Float32Array;
        average.forEach((value, i) => {
          const expected = d * (old[i] as number) + (1 - d) * (trained[i] as number);
          worst = Math.max(worst, Math.abs(value - expected));
          moved = Math.max(moved, Math.abs(value - (trained[i] as number)));
        });
      });
      expect(worst).toBeLessThan(1e-7);
      expect(moved).toBeGreaterThan(1e-4);
      before = now;
    }
    expect(bytesOf(join(output, "final"))["adapter_model.safetensors"]).toEqual(
      bytesOf(checkpoint(output, steps))["adapter_model.safetensors"],
    );
  },
);

test(
  "stopped and resumed, an averaged run is the same bit for bit; what it validated is what it keeps",
  { timeout: 60_000 },
  async () => {
    const root = scratch();
    const whole = await events(run(join(root, "whole")), {}, toyParts());
    const abort = new AbortController();
    const parts = run(join(root, "parts"));
    for await (const event of trainWith(toyParts(), parts, { signal: abort.signal }))
      if (event.type === "step" && event.step === 3) abort.abort();
    await events(parts, { resume: true }, toyParts());
    expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
    expect(bytesOf(checkpoint(join(root, "parts"), steps))).toEqual(
      bytesOf(checkpoint(join(root, "whole"), steps)),
    );

    const last = ofType(whole, "validation").at(-1)?.loss;
    const fresh = run(join(root, "fresh"), { from: join(root, "whole"), emaDecay: 0, maxSteps: 1 });
    expect(ofType(await events(fresh, {}, toyParts()), "validation")[0]?.loss).toBe(last);
  },
);

test("an average is four bytes a trained number in the plan, and none beside a schedule-free optimizer", async () => {
  const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 };
  const plan = (emaDecay: number) =>
    planMemory(toyModel, {
      batch: 1,
      frames: 32,
      conditionTokens: 32,
      adapter: { kind: "lora", rank: 8, alpha: 8, targetModules: ["*_proj"] },
      recompute: "none",
      optimizer: { kind: "adamw", ...adam, emaDecay },
    });
  const [without, averaged] = [await plan(0), await plan(0.999)];
  expect(averaged.optimizerBytes - without.optimizerBytes).toBe(without.gradientBytes);
  await expect(
    events(run(join(scratch(), "run"), { optimizer: { kind: "schedulefree" } }), {}, toyParts()),
  ).rejects.toThrow(/emaDecay cannot be combined with optimizer\.kind schedulefree/);
});
