import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { trainWith } from "../../src/train/train.js";
import { toyParts, toyRun } from "../toy.js";
import { bytesOf, events, ofType, scratch } from "../trained.js";

const adapters: TrainConfigInput["adapter"][] = [
  { kind: "lora", rank: 4, dropout: 0.1 },
  { kind: "dora", rank: 4, targetMlp: true },
  { kind: "lokr", rank: 4, rankDropout: 0.1 },
  { kind: "loha", rank: 4, attentionType: "cross" },
];

test.each(adapters)(
  "$kind on the toy: stopped, resumed and rerun with other threads give the same bytes",
  async (adapter) => {
    const root = scratch();
    const whole = await events(toyRun(join(root, "whole"), { adapter, threads: 2 }), {}, toyParts());
    expect(whole.at(-1)).toMatchObject({ type: "finished", skippedSteps: 0 });
    expect(ofType(whole, "finished")[0]?.effect).toBeGreaterThan(0);

    const abort = new AbortController();
    const stopped = toyRun(join(root, "parts"), { adapter, threads: 1 });
    const first = [];
    for await (const event of trainWith(toyParts(), stopped, { signal: abort.signal })) {
      first.push(event);
      if (event.type === "step" && event.step === 2) abort.abort();
    }
    expect(first.at(-1)?.type).toBe("interrupted");
    await events(stopped, { resume: true }, toyParts());
    expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
  },
);

test("three micro-batches of one song equal one batch of three songs", async () => {
  const root = scratch();
  const step = async (run: string, changes: Partial<TrainConfigInput>) => {
    const common: Partial<TrainConfigInput> = {
      adapter: { kind: "lora", rank: 4, dropout: 0 },
      // One bucket for all, so that the songs keep their order in the batch and with it their noise.
      buckets: { conditionTokens: 512 },
      epochs: 3,
    };
    return ofType(await events(toyRun(join(root, run), { ...common, ...changes }), {}, toyParts()), "step");
  };
  const accumulated = await step("a", { batchSize: 1, gradientAccumulation: 3 });
  const batched = await step("b", { batchSize: 3, gradientAccumulation: 1 });
  expect(accumulated).toHaveLength(3);
  accumulated.forEach(({ loss, gradNorm }, i) => {
    // Float32 sums in another order: 1e-6 relative, as the core's own test asks.
    expect(Math.abs(loss / (batched[i]?.loss ?? NaN) - 1)).toBeLessThan(1e-6);
    expect(Math.abs(gradNorm / (batched[i]?.gradNorm ?? NaN) - 1)).toBeLessThan(1e-5);
  });
});

test("timestepRounding reaches the core, and a run with it repeats", async () => {
  const root = scratch();
  const losses = async (run: string, timestepRounding: "exact" | "bf16") => {
    const config = toyRun(join(root, run), { timestepRounding, maxSteps: 2 });
    return ofType(await events(config, {}, toyParts()), "step").map(({ loss }) => loss);
  };
  const [exact, rounded] = [await losses("a", "exact"), await losses("b", "bf16")];
  expect(rounded).not.toEqual(exact);
  expect(await losses("c", "bf16")).toEqual(rounded);
  rounded.forEach((loss, i) => {
    expect(Math.abs(loss / (exact[i] ?? NaN) - 1)).toBeLessThan(0.05);
  });
});

test("the run lowers the held-out-noise loss of its songs", { timeout: 240_000 }, async () => {
  const root = scratch();
  const config = toyRun(join(root, "run"), {
    adapter: { kind: "lora", rank: 8, dropout: 0 },
    epochs: 40,
    gradientAccumulation: 3,
    cropFrames: 64,
    saveEverySteps: 1000,
    saveEveryEpochs: 1000,
    validationEvery: 40,
  });
  const all = await events(config, {}, toyParts());
  const [before, after] = ofType(all, "validation");
  console.log(
    `held-out-noise loss ${before?.loss.toFixed(4)} before, ${after?.loss.toFixed(4)} after 40 steps`,
  );
  expect(after?.loss).toBeLessThan(0.85 * (before?.loss ?? 0));
});

test("the final adapter's tensors have the names the ecosystem loads", async () => {
  const run = join(scratch(), "run");
  await events(toyRun(run, { maxSteps: 1 }), {}, toyParts());
  const { tensors, metadata } = readSafetensors(join(run, "final", "adapter_model.safetensors"));
  expect(Object.keys(tensors)).toContain("base_model.model.layers.0.self_attn.q_proj.lora_A.weight");
  expect(Object.keys(tensors)).toHaveLength(6 * 8 * 2);
  expect(metadata["base_model"]).toBe("acestep-v15-toy");
});

test("LoKr tells that rank and alpha do nothing where every factor is full", async () => {
  const warnings = async (rank: number, wider: { factor?: number; targetMlp?: boolean } = {}) => {
    const config = toyRun(join(scratch(), "run"), {
      adapter: { kind: "lokr", rank, ...wider },
      maxSteps: 1,
    });
    return ofType(await events(config, {}, toyParts()), "warning").map(({ message }) => message);
  };
  expect(await warnings(64)).toEqual([
    expect.stringMatching(/^adapter\.rank 64 and adapter\.alpha do nothing here/),
  ]);
  expect(await warnings(2)).toEqual([]);
  // The MLP's factors are larger: at this rank they are thin where those of the attention are full.
  expect(await warnings(22, { factor: 4, targetMlp: true })).toEqual([
    expect.stringMatching(/^adapter\.rank 22 and adapter\.alpha do nothing in 48 of 66 modules: /),
  ]);
});

test("a target that names no linear is refused by the core in one line", async () => {
  const run = join(scratch(), "run");
  const config = toyRun(run, { adapter: { kind: "lora", targetModules: ["qq_proj"] } });
  await expect(events(config, {}, toyParts())).rejects.toThrow(/qq_proj/);
  expect(existsSync(run)).toBe(false);
});
