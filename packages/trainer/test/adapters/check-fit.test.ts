import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readModelConfig } from "@acewright/core-native";
import { expect, test } from "vitest";
import { checkAdapterFit } from "../../src/adapters/check-fit.js";
import { writeLora } from "../../src/adapters/low-rank.js";
import { matrixOf } from "../../src/adapters/matrix.js";
import { scratch } from "../trained.js";

const tiny = fileURLToPath(new URL("../../../../tools/reference/golden/tiny/model", import.meta.url));

/** The tiny model under another variant's name; only its shapes and what it says of itself are looked at. */
function variant(model_version: string): string {
  const folder = join(scratch(), "model");
  mkdirSync(folder);
  cpSync(join(tiny, "model.safetensors"), join(folder, "model.safetensors"));
  const config = JSON.parse(readFileSync(join(tiny, "config.json"), "utf8")) as object;
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, model_version }));
  return folder;
}

async function adapter(metadata: Record<string, string>, rows = 64, decomposed = false): Promise<string> {
  const folder = join(scratch(), "adapter");
  const filled = (height: number, width: number) =>
    matrixOf(height, width, new Float64Array(height * width).fill(0.1));
  const magnitudes = decomposed && { magnitudes: new Float32Array(rows).fill(1) };
  const q = { name: "layers.0.self_attn.q_proj", b: filled(rows, 2), a: filled(2, 64), ...magnitudes };
  await writeLora(
    folder,
    [q, { ...q, name: "layers.99.self_attn.q_proj" }].slice(0, rows === 64 ? 1 : 2),
    metadata,
  );
  return folder;
}

const from = (base_model_version: string) => ({ base_model_version, base_model_fingerprint: "0".repeat(64) });

test.each([
  ["base", "turbo", "loads; adapters of base work on turbo as a rule"],
  [
    "turbo",
    "base",
    "loads; adapters of turbo do little or harm on base as a rule: listen before you trust it",
  ],
  ["turbo", "turbo", "loads; other weights of the same variant"],
])("an adapter of %s on %s", async (trained, here, advice) => {
  const [fit] = checkAdapterFit(await adapter(from(trained)), [variant(here)]);
  expect(fit).toMatchObject({ verdict: "fits", modelVersion: here, matched: 1, problems: [], advice });
});

test("magnitudes of other weights are told, and what a file does not say is not guessed", async () => {
  const model = variant("turbo");
  const [decomposed] = checkAdapterFit(await adapter(from("base"), 64, true), [model]);
  expect(decomposed?.advice).toBe(
    "loads; adapters of base work on turbo as a rule; its magnitudes are those of the other weights",
  );
  const [unnamed] = checkAdapterFit(await adapter({}), [model]);
  expect(unnamed).toMatchObject({
    verdict: "fits",
    advice: "loads; the file does not say on which model it was trained",
  });
  const own = { base_model_fingerprint: readModelConfig(model).fingerprint };
  const [same] = checkAdapterFit(await adapter(own), [model]);
  expect(same).toMatchObject({ verdict: "trained-on", advice: "this is the model it was trained on" });
});

test("each module that has no place is told with both shapes", async () => {
  const [fit] = checkAdapterFit(await adapter(from("base"), 96), [tiny]);
  expect(fit).toMatchObject({
    verdict: "does-not-fit",
    matched: 0,
    problems: [
      "layers.0.self_attn.q_proj: the adapter is for [96, 64], the model has [64, 64]",
      "layers.99.self_attn.q_proj: the model has no such module",
    ],
    advice: "cannot be loaded: it is for a model of another size",
  });
});
