import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, run } from "../child.mjs";
import { nativeProgram } from "../native-programs.mjs";

interface Stage {
  readonly name: string;
  readonly status: string;
  readonly values: readonly Record<string, unknown>[];
  readonly tail?: readonly string[];
}
interface Report {
  readonly dry_run: boolean;
  readonly complete: boolean;
  readonly stages: readonly Stage[];
}

const results = join(root, "bench/results");
const programs = dirname(nativeProgram("core_bench"));
const out = mkdtempSync(join(tmpdir(), "acewright-gpu-bench-"));
const read = (): Report => JSON.parse(readFileSync(join(out, "dry-run.json"), "utf8")) as Report;
const gpuBench = (...args: string[]) =>
  run("bash", ["bench/gpu.sh", ...args], { capture: "both", env: { OUT: out } });

afterAll(() => {
  rmSync(out, { recursive: true });
});

describe("a dry run of bench/gpu.sh", () => {
  const before = readdirSync(results);
  let code: number;
  let report: Report;
  let table: string;
  const stage = (name: string) => report.stages.find((candidate) => candidate.name === name);

  beforeAll(async () => {
    ({ code } = await gpuBench("--dry-run", "--programs", programs));
    report = read();
    table = readFileSync(join(out, "dry-run.md"), "utf8");
  }, 300_000);

  test("passes in all stages that this machine can run", () => {
    expect(report.stages.filter(({ status }) => !["passed", "no torch"].includes(status))).toEqual([]);
    expect(report.stages.length).toBeGreaterThan(8);
    expect(code).toBe(0);
  });

  test("says that it is one, and leaves bench/results alone", () => {
    expect(report).toMatchObject({ dry_run: true, complete: true });
    expect(table).toMatch(/^# DRY RUN/);
    expect(readdirSync(results)).toEqual(before);
  });

  test("has loss, norm, times and memory of every step", () => {
    const steps = [...(stage("headline")?.values ?? []), ...(stage("sweep")?.values ?? [])];
    expect(steps.length).toBe(4);
    for (const key of ["median_ms", "device_ms", "loss", "grad_norm", "planned_growth_mib", "growth_mib"])
      expect(steps.filter((step) => !Number.isFinite(step[key]))).toEqual([]);
  });

  test("holds each kernel against its floor and sums them up", () => {
    const kernels = stage("kernels")?.values ?? [];
    expect(kernels.filter(({ benchmark }) => benchmark === "kernel").length).toBeGreaterThan(20);
    expect(kernels.at(-1)).toMatchObject({ benchmark: "kernels" });
    expect(table).toContain("times the floor");
  });

  test("agrees with PyTorch on loss and gradient norm, where PyTorch is installed", ({ skip }) => {
    if (stage("agreement")?.status === "no torch") skip("python3 cannot import torch");
    expect(stage("agreement")).toMatchObject({ status: "passed" });
    expect(table).toContain("## Agreement, f32");
  });

  test("derives the ratios from figures of the same run", () => {
    const figure = (name: string) => Number(new RegExp(`\\| ${name} *\\| ([0-9.e+-]+)`).exec(table)?.[1]);
    const median = (label: string) =>
      Number(
        report.stages.flatMap(({ values }) => values).find((value) => value["label"] === label)?.[
          "median_ms"
        ],
      );
    const ratio = figure("LoRA step against forward and backward of the frozen model");
    expect(ratio).toBeCloseTo(median("headline") / median("frozen"), 2);
  });
});

test("a stage that fails is reported with its last words, and the others run", async () => {
  const args = ["--dry-run", "--programs", join(out, "nowhere"), "--only", "golden,machine"];
  const { code } = await gpuBench(...args);
  const stages = new Map(read().stages.map((stage) => [stage.name, stage]));
  expect(code).toBe(1);
  expect(stages.get("golden")?.status).toBe("failed");
  expect(stages.get("golden")?.tail?.join()).toContain("nowhere");
  expect(stages.get("machine")?.status).toBe("passed");
  // What was measured before and not asked for again is still there.
  expect(stages.get("kernels")?.status).toBe("passed");
});

test("without time left nothing runs, and that is said", async () => {
  const { code } = await gpuBench("--dry-run", "--programs", programs, "--budget", "2", "--only", "headline");
  expect(code).toBe(0);
  expect(read().stages.find(({ name }) => name === "headline")).toMatchObject({
    status: "no time",
    values: [],
  });
});

test("an unknown argument is refused", async () => {
  const { code, stderr } = await gpuBench("--fast");
  expect(code).toBe(2);
  expect(stderr).toContain('unknown argument "--fast"');
});

test("the script is sound for bash, and the tables for Python", () => {
  execFileSync("bash", ["-n", join(root, "bench/gpu.sh")]);
  expect(existsSync(join(root, "bench/__pycache__"))).toBe(false);
});
