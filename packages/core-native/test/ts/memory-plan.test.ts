// What the plan says a run will take, beside what a process really grows by once the weights are loaded.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { platform } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { join } from "node:path";
import { planMemory, type PlanRequest } from "@acewright/core-native";
import { expect, test } from "vitest";

const execute = promisify(execFile);
const buildFolder = fileURLToPath(new URL("../../build", import.meta.url));
const bench = ["", "Release"].map((name) => join(buildFolder, name, "core_bench")).find(existsSync);
const toy = fileURLToPath(
  new URL("../../../../tools/reference/toy/checkpoints/acestep-v15-toy", import.meta.url),
);

interface Report {
  readonly planned_growth_mib: number;
  readonly rss_growth_mib: number;
}

for (const [name, flags] of [
  ["LoRA, nothing recomputed", ["--adapter", "lora", "--recompute", "none"]],
  ["LoKr, blocks recomputed", ["--adapter", "lokr", "--recompute", "block"]],
] as const) {
  test(`a layer of the 2B shape grows the process by what was planned, within 5 %: ${name}`, async ({
    skip,
  }) => {
    if (platform() !== "linux") skip("resident memory is read from /proc");
    if (bench === undefined) throw new Error(`core_bench is not built below ${buildFolder}: npm run setup`);
    const size = ["--layers", "1", "--seconds", "60", "--condition", "769", "--runs", "1", "--threads", "2"];
    const { stdout } = await execute(bench, ["step", ...size, ...flags]);
    const report = JSON.parse(stdout) as Report;
    expect(report.planned_growth_mib).toBeGreaterThan(50);
    expect(Math.abs(report.rss_growth_mib / report.planned_growth_mib - 1)).toBeLessThan(0.05);
  });
}

const request: PlanRequest = {
  batch: 1,
  frames: 250,
  conditionTokens: 84,
  adapter: { kind: "lora", rank: 8, alpha: 8, targetModules: ["q_proj", "k_proj", "v_proj", "o_proj"] },
  recompute: "none",
};

test("the plan of a checkpoint folder adds up and follows the settings", async () => {
  const plan = await planMemory(toy, request);
  const { weightBytes, arenaBytes, adapterBytes, gradientBytes, optimizerBytes, datasetBytes, scratchBytes } =
    plan;
  expect(plan.totalBytes).toBe(
    weightBytes + arenaBytes + adapterBytes + gradientBytes + optimizerBytes + datasetBytes + scratchBytes,
  );
  // AdamW's two moments, and tables of some kilobytes.
  expect(optimizerBytes).toBeGreaterThan(2 * adapterBytes);
  expect(optimizerBytes).toBeLessThan(2 * adapterBytes + 32_768);
  const thrifty = await planMemory(toy, { ...request, recompute: "block" });
  expect(thrifty.arenaBytes).toBeLessThan(arenaBytes);
  expect(thrifty.flopsPerMicroBatch).toBeGreaterThan(plan.flopsPerMicroBatch);
  const twice = await planMemory(toy, { ...request, batch: 2 });
  expect(twice.flopsPerMicroBatch / plan.flopsPerMicroBatch).toBeCloseTo(2, 1);
});
