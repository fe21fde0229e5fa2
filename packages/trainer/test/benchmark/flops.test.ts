import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { planMemory, readModelConfig } from "@acewright/core-native";
import { expect, test } from "vitest";
import { toyModel } from "../toy.js";
import { flopsByHand } from "./flops-by-hand.js";

test.each([
  { tokens: 64, conditionTokens: 32, rank: 4 },
  { tokens: 512, conditionTokens: 96, rank: 8 },
])("the toy's step of $tokens tokens is as much work as its architecture says", async (shape) => {
  const { tokens, conditionTokens, rank } = shape;
  const model = readModelConfig(toyModel);
  const adapter = {
    kind: "lora",
    rank,
    alpha: rank,
    targetModules: ["q_proj", "k_proj", "v_proj", "o_proj"],
  } as const;
  const frames = tokens * model.patchSize;
  const plan = await planMemory(toyModel, { batch: 1, frames, conditionTokens, adapter, recompute: "none" });
  expect(plan.flopsPerMicroBatch).toBe(flopsByHand(model, tokens, conditionTokens, rank));
});

const buildFolder = fileURLToPath(new URL("../../../core-native/build", import.meta.url));
const bench = ["", "Release"].map((name) => join(buildFolder, name, "core_bench")).find(existsSync);

/** The decoder of the 2B models. */
const trueSize = {
  hiddenSize: 2048,
  intermediateSize: 6144,
  heads: 16,
  kvHeads: 8,
  headDim: 128,
  encoderHiddenSize: 2048,
  patchSize: 2,
  latentChannels: 64,
  slidingWindow: 128,
};

test.each([
  { layers: 2, seconds: 20 },
  { layers: 24, seconds: 240 },
])("core_bench floors counts the same of $layers layers and $seconds s in the true size", (run) => {
  if (bench === undefined) throw new Error(`core_bench is not built below ${buildFolder}: npm run setup`);
  const flags = ["--layers", String(run.layers), "--seconds", String(run.seconds)];
  const told = execFileSync(bench, ["floors", ...flags], { encoding: "utf8" });
  const teraflops = /^\| TFLOP \| ([\d.]+) \|$/m.exec(told)?.[1];
  const tokens = run.seconds * 12.5;
  const counted = flopsByHand({ ...trueSize, layers: run.layers }, tokens, 769, 64);
  expect((counted / 1e12).toFixed(3)).toBe(teraflops);
});
