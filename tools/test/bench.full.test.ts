import { expect, test } from "vitest";
import { run } from "../child.mjs";

interface Side {
  readonly name: string;
  readonly minMs: number;
  readonly firstLoss: number;
  readonly firstGradNorm: number;
}

interface Report {
  readonly gemm: { readonly ratio: number | null };
  readonly cpuStep?: Record<"ratio" | "memoryRatio" | "lokrOverLora" | "gemmShare", number> & {
    readonly contestants: readonly Side[];
  };
  readonly vaeEncode?: { readonly ratio: number; readonly meanNormDrift: number };
  readonly missing?: string;
}

test("both sides of the bench compute the same step", { timeout: 600_000 }, async (ctx) => {
  const args = [
    "tools/bench.mjs",
    "--json",
    "--rounds",
    "1",
    "--layers",
    "1",
    "--seconds",
    "4",
    "--vae-seconds",
    "1",
  ];
  const { code, stdout } = await run(process.execPath, args, { capture: "both" });
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as Report;
  if (report.missing !== undefined) ctx.skip(report.missing);
  const { cpuStep, vaeEncode } = report;
  for (const figure of ["ratio", "memoryRatio", "lokrOverLora", "gemmShare"] as const) {
    expect(cpuStep?.[figure]).toBeGreaterThan(0);
  }
  const [torch, ours] = cpuStep?.contestants ?? [];
  // float32 on both sides, sums in another order.
  expect(Math.abs((ours?.firstLoss ?? 0) / (torch?.firstLoss ?? 1) - 1)).toBeLessThan(1e-5);
  expect(Math.abs((ours?.firstGradNorm ?? 0) / (torch?.firstGradNorm ?? 1) - 1)).toBeLessThan(1e-4);
  expect(vaeEncode?.meanNormDrift).toBeLessThan(1e-4);
});
