import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@acewright/core-native";
import { expect, test } from "vitest";
import { checkAdapterFit } from "../../src/adapters/check-fit.js";
import { extractAdapter } from "../../src/adapters/extract-adapter.js";
import { inspectAdapter } from "../../src/adapters/inspect-adapter.js";
import { writeLora, type LowRankModule } from "../../src/adapters/low-rank.js";
import { frobenius, matrixOf, multiply, subtracted, type Matrix } from "../../src/adapters/matrix.js";
import { mergeAdapters } from "../../src/adapters/merge-adapters.js";
import { addedChange, asMatrix } from "../../src/adapters/module-change.js";
import { openAdapter } from "../../src/adapters/opened-adapter.js";
import { resizeAdapter } from "../../src/adapters/resize-adapter.js";
import { svd } from "./at-once.js";
import { exportAdapter } from "../../src/export/export-adapter.js";
import { toyModel } from "../toy.js";
import { scratch } from "../trained.js";

const tiny = fileURLToPath(new URL("../../../../tools/reference/golden/tiny/model", import.meta.url));
const names = ["layers.0.self_attn.q_proj", "layers.1.mlp.up_proj"];

let state = 7;
function random(rows: number, columns: number): Matrix {
  const values = Array.from({ length: rows * columns }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
  return matrixOf(rows, columns, values);
}

/** A LoRA for the tiny model: q_proj [64, 64], up_proj [128, 64]. */
async function lora(rank: number, metadata: Record<string, string> = { trigger: "bells" }): Promise<string> {
  const folder = join(scratch(), "adapter");
  const modules: LowRankModule[] = [
    { name: names[0] ?? "", b: random(64, rank), a: random(rank, 64) },
    { name: names[1] ?? "", b: random(128, rank), a: random(rank, 64) },
  ];
  await writeLora(folder, modules, metadata);
  return folder;
}

const changes = (path: string): Matrix[] =>
  openAdapter(path).modules.map((module) => asMatrix(addedChange(module)));

test("rank 64 to 32 is as good as the best rank-32 matrix, and says how good", async () => {
  const from = await lora(64);
  const output = join(scratch(), "half");
  const result = await resizeAdapter(from, { output, choice: { rank: 32 } });
  const [before, after] = [changes(from), changes(output)];
  before.forEach((whole, i) => {
    const lost = svd(whole)
      .s.slice(32)
      .reduce((sum, value) => sum + value ** 2, 0);
    const error = frobenius(subtracted(after[i] ?? whole, whole));
    // The files are float32; nothing else is lost.
    expect(Math.abs(error / Math.sqrt(lost) - 1)).toBeLessThan(1e-4);
    expect(result.modules[i]?.relativeError).toBeCloseTo(error / frobenius(whole), 5);
  });
  expect(inspectAdapter(output)).toMatchObject({
    kind: "lora",
    metadata: { trigger: "bells", made_by: "resize to rank 32" },
  });
});

test("a rank by energy is the smallest that keeps the share, module by module", async () => {
  const from = await lora(16);
  const output = join(scratch(), "thin");
  const { modules } = await resizeAdapter(from, { output, choice: { energy: 0.9 } });
  changes(from).forEach((whole, i) => {
    const s = svd(whole).s;
    const total = s.reduce((sum, value) => sum + value ** 2, 0);
    const kept = (rank: number) => s.slice(0, rank).reduce((sum, value) => sum + value ** 2, 0) / total;
    const rank = modules[i]?.rank ?? 0;
    expect(kept(rank)).toBeGreaterThanOrEqual(0.9);
    expect(kept(rank - 1)).toBeLessThan(0.9);
  });
  // Ranks that differ survive the file.
  expect(openAdapter(output).modules.map(({ rank }) => rank)).toEqual(modules.map(({ rank }) => rank));
});

test("LoRAs add up exactly at the sum of their ranks, weights negative too", async () => {
  const [one, two] = [await lora(3), await lora(2, { trigger: "drums" })];
  const output = join(scratch(), "both");
  const both = [
    { path: one, weight: 0.7 },
    { path: two, weight: -0.5 },
  ];
  const result = await mergeAdapters(both, { output });
  expect(result.modules.map(({ rank }) => rank)).toEqual([5, 5]);
  const [a, b, sum] = [changes(one), changes(two), changes(output)];
  sum.forEach((whole, i) => {
    const want = whole.data.map((_, k) => 0.7 * (a[i]?.data[k] ?? NaN) - 0.5 * (b[i]?.data[k] ?? NaN));
    expect(frobenius(subtracted(whole, { ...whole, data: want })) / frobenius(whole)).toBeLessThan(1e-6);
  });
  // They agree on no trigger.
  expect(inspectAdapter(output).metadata.trigger).toBeUndefined();
});

test("what only differs in a thin product is extracted whole; what a LoRA cannot hold is listed", async () => {
  const [from, tuned] = [join(scratch(), "base"), join(scratch(), "tuned")];
  for (const folder of [from, tuned]) {
    mkdirSync(folder, { recursive: true });
    cpSync(join(tiny, "config.json"), join(folder, "config.json"));
  }
  const { tensors } = readSafetensors(join(tiny, "model.safetensors"));
  const wide = Object.fromEntries(
    Object.entries(tensors).map(
      ([name, tensor]) => [name, fromFloat32(toFloat32(tensor), tensor.shape)] as const,
    ),
  );
  writeSafetensors(join(from, "model.safetensors"), wide);
  const change = multiply(random(64, 3), random(3, 64));
  const name = `decoder.${names[0] ?? ""}.weight`;
  const base = toFloat32(tensors[name] ?? fromFloat32(new Float32Array(0), [0]));
  const norm = Object.keys(wide).find((key) => key.startsWith("decoder.") && key.includes("norm")) ?? "";
  const normValues = toFloat32(wide[norm] ?? fromFloat32(new Float32Array(0), [0]));
  writeSafetensors(join(tuned, "model.safetensors"), {
    ...wide,
    [name]: fromFloat32(
      base.map((value, i) => value + (change.data[i] ?? 0)),
      [64, 64],
    ),
    [norm]: fromFloat32(
      normValues.map((value) => value + 1),
      wide[norm]?.shape ?? [],
    ),
  });
  const output = join(scratch(), "extracted");
  const result = await extractAdapter(from, tuned, { output, choice: { rank: 3 } });
  expect(result.relativeError).toBeLessThan(1e-5);
  expect(result.otherDifferences).toEqual([norm]);
  const linears = Object.keys(wide).filter((key) => /^decoder\.layers\..*_proj\.weight$/.test(key));
  expect(result.equalModules).toBe(linears.length - 1);
  expect(result.modules.map((module) => module.name)).toEqual([names[0]]);
  const [got] = changes(output);
  expect(frobenius(subtracted(got ?? change, change)) / frobenius(change)).toBeLessThan(1e-5);
  // Adapter and model fit by fingerprint.
  expect(checkAdapterFit(output, [from, tuned, toyModel]).map(({ verdict }) => verdict)).toEqual([
    "trained-on",
    "fits",
    "does-not-fit",
  ]);
  await expect(
    extractAdapter(from, from, { output: join(scratch(), "x"), choice: { rank: 3 } }),
  ).rejects.toThrow(/there is nothing to extract/);
  await expect(
    extractAdapter(from, toyModel, { output: join(scratch(), "x"), choice: { rank: 3 } }),
  ).rejects.toThrow(/the two are not of one model/);
});

test("of a change of full rank the best rank-8 part is extracted", async () => {
  const [from, tuned] = [join(scratch(), "base"), join(scratch(), "tuned")];
  const change = random(64, 64);
  const { tensors } = readSafetensors(join(tiny, "model.safetensors"));
  const name = `decoder.${names[0] ?? ""}.weight`;
  const zero = fromFloat32(new Float32Array(64 * 64), [64, 64]);
  for (const [folder, weight] of [
    [from, zero],
    [tuned, fromFloat32(Float32Array.from(change.data), [64, 64])],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    cpSync(join(tiny, "config.json"), join(folder, "config.json"));
    writeSafetensors(join(folder, "model.safetensors"), { ...tensors, [name]: weight });
  }
  const output = join(scratch(), "extracted");
  const result = await extractAdapter(from, tuned, { output, choice: { rank: 8 } });
  // Stopped in the middle, nothing is left of it.
  const stop = new AbortController();
  const stopped = join(scratch(), "stopped");
  const onModule = (done: number): void => {
    if (done === 1) stop.abort(new Error("enough"));
  };
  const asked = { output: stopped, choice: { rank: 8 }, onModule, signal: stop.signal };
  await expect(extractAdapter(from, tuned, asked)).rejects.toThrow("enough");
  expect(existsSync(stopped)).toBe(false);
  const lost = svd(change)
    .s.slice(8)
    .reduce((sum, value) => sum + value ** 2, 0);
  const [got] = changes(output);
  const error = frobenius(subtracted(got ?? change, change));
  expect(Math.abs(error / Math.sqrt(lost) - 1)).toBeLessThan(1e-4);
  expect(result.relativeError).toBeCloseTo(error / frobenius(change), 5);
});

test("inspecting tells scale, norms by layer, and an adapter that does nothing", async () => {
  const folder = await lora(4);
  const summary = inspectAdapter(folder);
  const norms = changes(folder).map(frobenius);
  summary.layerNorms.forEach((norm, layer) => {
    expect(norm / (norms[layer] ?? NaN)).toBeCloseTo(1, 6);
  });
  expect(summary).toMatchObject({
    allZero: false,
    prefix: "base_model.model.",
    scale: { least: 1, most: 1 },
  });
  const zero = join(scratch(), "zero");
  await writeLora(
    zero,
    [{ name: names[0] ?? "", b: matrixOf(64, 1, new Float64Array(64)), a: random(1, 64) }],
    {},
  );
  expect(inspectAdapter(zero).allZero).toBe(true);
});

test("a file that does not say its scale plays at 1, and that is told", async () => {
  const folder = await lora(4);
  const file = join(scratch(), "bare.safetensors");
  await exportAdapter(folder, { format: "bare", output: file });
  expect(inspectAdapter(file)).toMatchObject({ prefix: "", scale: { from: "nothing", least: 1, most: 1 } });
});

test("a choice or a file that makes no sense is refused", async () => {
  const folder = await lora(4);
  const output = join(scratch(), "out");
  await expect(resizeAdapter(folder, { output, choice: { rank: 0 } })).rejects.toThrow(
    /rank: expected a whole number/,
  );
  await expect(resizeAdapter(folder, { output, choice: { energy: 2 } })).rejects.toThrow(
    /energy: expected a share/,
  );
  await expect(resizeAdapter(folder, { output: folder, choice: { rank: 2 } })).rejects.toThrow(
    /nothing is overwritten/,
  );
  const odd = join(scratch(), "odd.safetensors");
  writeSafetensors(odd, {
    "layers.0.mlp.up_proj.lora_A.weight": fromFloat32(new Float32Array(8), [2, 4]),
    "layers.0.mlp.up_proj.lora_B.weight": fromFloat32(new Float32Array(12), [4, 3]),
  });
  expect(() => inspectAdapter(odd)).toThrow(/up_proj: factors \[4, 3\] and \[2, 4\] do not fit/);
  writeSafetensors(odd, {
    "encoder.layers.0.self_attn.q_proj.lora_A.weight": fromFloat32(new Float32Array(8), [2, 4]),
  });
  expect(() => inspectAdapter(odd)).toThrow(/none of its 1 tensors names a module/);
});

test("a model card holds what a stranger's file says to its own line", async () => {
  const folder = await lora(2, { trigger: "bells\n# Owned\n<script>", base_model: "a|b" });
  const output = join(scratch(), "card");
  await exportAdapter(folder, { format: "diffusers", output });
  const card = readFileSync(join(output, "README.md"), "utf8");
  expect(card).toContain("Trigger: `bells # Owned  script`");
  expect(card).toContain("| Trained on | a\\|b |");
  expect(card).toContain('weight_name="pytorch_lora_weights.safetensors"');
});
