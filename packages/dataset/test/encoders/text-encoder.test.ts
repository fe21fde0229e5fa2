import type { HostTensor } from "@acewright/core-native";
import { AceError, readSafetensors, toFloat32, writeSafetensors } from "@acewright/core-native";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddingTable, TextEncoder } from "../../src/encoders/text-encoder.js";
import { golden } from "../reference-folders.js";

const device = { name: "cpu", reason: "test" } as const;
const tiny = join(golden, "tiny_qwen3");
const { tensors } = readSafetensors(join(tiny, "case.safetensors"));
const ids = [...new BigInt64Array((tensors["in.ids"] as HostTensor).data.slice().buffer)]
  .map(Number)
  .slice(0, 19);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-text-"));
  for (const file of ["config.json", "model.safetensors"]) copyFileSync(join(tiny, file), join(folder, file));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function encode(from: string, tokens: readonly number[]): Promise<Float32Array> {
  const encoder = await TextEncoder.open(from, { device });
  try {
    return await encoder.encode(tokens);
  } finally {
    await encoder.close();
  }
}

function rename(edit: (name: string) => string): void {
  const path = join(folder, "model.safetensors");
  const read = readSafetensors(path).tensors;
  writeSafetensors(
    path,
    Object.fromEntries(Object.entries(read).map(([name, tensor]) => [edit(name), tensor])),
  );
}

test("one text alone gives the golden states", async () => {
  const states = await encode(tiny, ids);
  const expected = toFloat32(tensors["out.hidden"] as HostTensor).slice(0, 19 * 32);
  const worst = states.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))),
    0,
  );
  expect(worst).toBeLessThan(1e-5);
});

test("a token does not see what comes after it", async () => {
  const states = await encode(tiny, ids);
  const shorter = await encode(tiny, ids.slice(0, 7));
  const worst = shorter.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (states[i] as number))),
    0,
  );
  expect(worst).toBeLessThan(1e-5);
});

test("names behind model. are read, and a tied head beside them is let pass", async () => {
  const expected = await encode(tiny, ids);
  rename((name) => `model.${name}`);
  const path = join(folder, "model.safetensors");
  const read = readSafetensors(path).tensors;
  writeSafetensors(path, { ...read, "lm_head.weight": read["model.embed_tokens.weight"] as HostTensor });
  expect(await encode(folder, ids)).toEqual(expected);
  expect(new EmbeddingTable(folder).rows([3, 1])).toEqual(new EmbeddingTable(tiny).rows([3, 1]));
});

test("rows of the embedding table are the file's own, in the order asked for", () => {
  const table = toFloat32(
    readSafetensors(join(tiny, "model.safetensors")).tensors["embed_tokens.weight"] as HostTensor,
  );
  const rows = new EmbeddingTable(tiny).rows([96, 0, 96]);
  const last = [...table.slice(96 * 32)];
  expect([...rows]).toEqual([...last, ...table.slice(0, 32), ...last]);
  expect(new EmbeddingTable(tiny).rows([])).toHaveLength(0);
});

test.each([97, -1, 0.5])("the id %d outside the vocabulary is refused", async (id) => {
  expect(() => new EmbeddingTable(tiny).rows([1, id])).toThrow(/vocabulary of 97/);
  await expect(encode(tiny, [1, id])).rejects.toThrow(AceError);
});

test("a layer too many or too few is named", async () => {
  const config = readFileSync(join(folder, "config.json"), "utf8");
  writeFileSync(
    join(folder, "config.json"),
    config.replace('"num_hidden_layers": 3', '"num_hidden_layers": 2'),
  );
  await expect(encode(folder, ids)).rejects.toThrow(/holds "layers.2./);
  writeFileSync(
    join(folder, "config.json"),
    config.replace('"num_hidden_layers": 3', '"num_hidden_layers": 4'),
  );
  await expect(encode(folder, ids)).rejects.toThrow(/lacks the weight "layers.3./);
});

test.each([
  ["use_sliding_window", true],
  ["rope_scaling", { type: "yarn" }],
  ["hidden_act", "gelu"],
  ["num_key_value_heads", 3],
])("a config with %s = %j, which this network is not, is refused", async (key, value) => {
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as object;
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, [key]: value }));
  await expect(encode(folder, ids)).rejects.toThrow(/config.json/);
});
