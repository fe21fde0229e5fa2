import { cpSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  Decoder,
  fromFloat32,
  readSafetensors,
  readSafetensorsHeader,
  toFloat32,
  writeSafetensors,
} from "@acewright/core-native";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAdapter } from "../../src/adapters/opened-adapter.js";
import { exportAdapter } from "../../src/export/export-adapter.js";
import { writeMergedCheckpoint } from "../../src/export/merged-checkpoint.js";
import { distance, savedAdapter, tinyModel, velocity } from "../adapters/tiny-adapters.js";
import { toyModel } from "../toy.js";
import { scratch } from "../trained.js";

let decoder: Decoder;
beforeAll(async () => {
  decoder = await Decoder.open(tinyModel);
});
afterAll(() => {
  decoder.close();
});

/** The tiny model in float32, so that a merge loses nothing to rounding. */
function wideModel(): string {
  const folder = join(scratch(), "wide");
  mkdirSync(folder);
  cpSync(join(tinyModel, "config.json"), join(folder, "config.json"));
  const { tensors } = readSafetensors(join(tinyModel, "model.safetensors"));
  const wide = Object.entries(tensors).map(
    ([name, tensor]) => [name, fromFloat32(toFloat32(tensor), tensor.shape)] as const,
  );
  writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(wide));
  return folder;
}

test.each([{ kind: "lora" }, { kind: "dora" }, { kind: "lokr", factor: 4, weightDecompose: true }] as const)(
  "%j merged at half strength is the adapter played at half strength",
  async (config) => {
    const adapter = await savedAdapter(decoder, config, 5);
    const output = join(scratch(), "merged");
    await exportAdapter(adapter, { format: "merged", output, model: wideModel(), strength: 0.5 });
    const merged = await Decoder.open(output);
    const got = await velocity(merged, []);
    merged.close();
    const half = await velocity(decoder, [{ path: adapter, scale: 0.5 }]);
    expect(distance(half, await velocity(decoder, [{ path: adapter, scale: 1 }]))).toBeGreaterThan(1e-3);
    expect(distance(got, half)).toBeLessThan(1e-5);
  },
);

test("a merged model in shards tells its size and where each tensor is, and the trigger", async () => {
  const adapter = await savedAdapter(decoder, { kind: "lora" }, 5);
  const output = join(scratch(), "merged");
  await exportAdapter(adapter, { format: "merged", output, model: tinyModel, maxShardBytes: 600_000 });
  const index = JSON.parse(readFileSync(join(output, "model.safetensors.index.json"), "utf8")) as {
    metadata: { total_size: number };
    weight_map: Record<string, string>;
  };
  const shards = readdirSync(output).filter((name) => /^model-.*safetensors$/.test(name));
  let bytes = 0;
  for (const shard of shards) {
    const { tensors, metadata } = readSafetensors(join(output, shard));
    expect(metadata).toMatchObject({ merged_adapter: "lora", trigger: "bells" });
    for (const [name, { data }] of Object.entries(tensors)) {
      expect(index.weight_map[name]).toBe(shard);
      bytes += data.length;
    }
    expect(statSync(join(output, shard)).size).toBeLessThan(620_000);
  }
  expect(index.metadata.total_size).toBe(bytes);
  const before = readSafetensorsHeader(join(tinyModel, "model.safetensors")).tensors;
  expect(Object.keys(index.weight_map).sort()).toEqual(Object.keys(before).sort());
});

test("an adapter of modules that the model lacks is not merged, and nothing is written", async () => {
  const folder = scratch();
  const file = join(folder, "other.safetensors");
  const of = (rows: number, columns: number) =>
    fromFloat32(new Float32Array(rows * columns), [rows, columns]);
  writeSafetensors(file, {
    "layers.77.mlp.up_proj.lora_A.weight": of(2, 4),
    "layers.77.mlp.up_proj.lora_B.weight": of(4, 2),
  });
  const output = join(folder, "merged");
  await expect(writeMergedCheckpoint(openAdapter(file), { model: toyModel, output })).rejects.toThrow(
    /has no decoder\.layers\.77\.mlp\.up_proj\.weight to merge it into/,
  );
  expect(readdirSync(folder)).toEqual(["other.safetensors"]);
});
