import type { HostTensor } from "@acewright/core-native";
import { readSafetensors, writeSafetensors } from "@acewright/core-native";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runOnnxGoldenCases } from "../../src/encoders/golden-cases.js";
import { golden } from "../reference-folders.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-golden-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("every golden case of the frozen networks passes, and every tensor in it has a use", async () => {
  const results = await runOnnxGoldenCases(golden);
  expect(results.map(({ name }) => name)).toEqual([
    "tiny_qwen3/case",
    "tiny_qwen3_lm/case",
    "tiny_qwen3_lm_tied/case",
    "tiny_vae/case",
  ]);
  for (const result of results) expect(result).toMatchObject({ passed: true });
  expect(results.map(({ consumed, compared }) => [consumed, compared])).toEqual([
    [1, 5],
    [1, 1],
    [1, 1],
    [2, 13],
  ]);
});

/** Runs one case after a change of its tensors. */
async function changed(
  name: string,
  change: (tensors: Record<string, HostTensor>) => void,
): Promise<Awaited<ReturnType<typeof runOnnxGoldenCases>>[number] | undefined> {
  cpSync(join(golden, name), join(folder, name), { recursive: true });
  const path = join(folder, name, "case.safetensors");
  const { tensors } = readSafetensors(path);
  change(tensors);
  writeSafetensors(path, tensors);
  return (await runOnnxGoldenCases(folder))[0];
}

test("a value that is off by one thousandth of the largest fails its case", async () => {
  const result = await changed("tiny_qwen3", (tensors) => {
    const { data } = tensors["out.hidden"] as HostTensor;
    const values = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    values[5] = (values[5] as number) + largest / 1000;
  });
  expect(result?.passed).toBe(false);
  expect(result?.errors["out.hidden"]).toBeCloseTo(1e-3, 5);
});

test("a NaN among the golden values fails its case", async () => {
  const result = await changed("tiny_vae", (tensors) => {
    const { data } = tensors["out.mean"] as HostTensor;
    new Float32Array(data.buffer, data.byteOffset, data.length / 4)[0] = NaN;
  });
  expect(result).toMatchObject({ passed: false, errors: { "out.mean": null } });
});

test("a tensor nobody knows fails its case", async () => {
  const result = await changed("tiny_vae", (tensors) => {
    tensors["out.extra"] = tensors["out.mean"] as HostTensor;
  });
  expect(result).toMatchObject({ passed: false, errors: { "out.extra": null }, compared: 13 });
});

test("a case that cannot run fails with its reason", async () => {
  const result = await changed("tiny_vae", (tensors) => delete tensors["in.wave"]);
  expect(result).toMatchObject({ name: "tiny_vae/case", passed: false });
  expect(Object.keys(result?.errors ?? {})).toEqual(["the golden case lacks in.wave"]);
});
