import { expect, test } from "vitest";
import { dataSheetTeraflops } from "../../src/benchmark/peak-rate.js";

test.each([
  ["cuda:0", "NVIDIA H100 80GB HBM3", 989],
  ["cuda:1", "NVIDIA A100-SXM4-80GB", 312],
  ["cuda:0", "NVIDIA H100 NVL", undefined],
  ["cuda:0", "NVIDIA GeForce RTX 3090 Ti", undefined],
  ["cpu", "NVIDIA H200", undefined],
] as const)("%s, %s: %s TFLOP/s of its data sheet, and no guess from a name", (name, description, rate) => {
  expect(dataSheetTeraflops({ name, description })).toBe(rate);
});
