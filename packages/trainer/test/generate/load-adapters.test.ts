import { join } from "node:path";
import { Decoder } from "@acewright/core-native";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeLora } from "../../src/adapters/low-rank.js";
import { matrixOf } from "../../src/adapters/matrix.js";
import { loadAdapters } from "../../src/generate/load-adapters.js";
import { tinyModel } from "../adapters/tiny-adapters.js";
import { scratch } from "../trained.js";

let decoder: Decoder;
beforeAll(async () => {
  decoder = await Decoder.open(tinyModel);
});
afterAll(() => {
  decoder.close();
});

async function remarks(
  metadata: Record<string, string>,
  captions: readonly string[],
  modules: readonly string[] = ["layers.0.self_attn.q_proj"],
): Promise<readonly string[]> {
  const path = join(scratch(), "adapter");
  const filled = (rows: number, columns: number) =>
    matrixOf(rows, columns, new Float64Array(rows * columns).fill(1));
  await writeLora(
    path,
    modules.map((name) => ({ name, b: filled(64, 1), a: filled(1, 64) })),
    metadata,
  );
  const loaded = await loadAdapters(decoder, [{ path, scale: 1 }], captions);
  loaded.close();
  return loaded.remarks.map((line) => line.replace(path, "adapter"));
}

test("an adapter of another model is remarked upon, one of this model or of none is not", async () => {
  const other = { base_model: "turbo", base_model_fingerprint: "0".repeat(64) };
  expect(await remarks(other, ["a"])).toEqual([
    "adapter: was trained on another model (turbo); it may sound different here",
  ]);
  const own = { base_model: "tiny", base_model_fingerprint: decoder.config.fingerprint };
  expect(await remarks(own, ["a"])).toEqual([]);
  expect(await remarks({ base_model: "turbo" }, ["a"])).toEqual([]);
});

test("a trigger that captions lack is remarked upon with how many, whatever its capitals", async () => {
  const trigger = { trigger: "Zxc" };
  expect(await remarks(trigger, ["bells"])).toEqual(['adapter: its trigger "Zxc" is not in the caption']);
  expect(await remarks(trigger, ["bells", "zxc, drums", "flute"])).toEqual([
    'adapter: its trigger "Zxc" is not in 2 of 3 captions',
  ]);
  expect(await remarks(trigger, ["ZXC bells"])).toEqual([]);
  expect(await remarks({ trigger: "" }, ["bells"])).toEqual([]);
});

test("an adapter of a deeper model is remarked upon with what has no place here", async () => {
  expect(await remarks({}, ["a"], ["layers.0.self_attn.q_proj", "layers.99.self_attn.q_proj"])).toEqual([
    expect.stringMatching(
      /^adapter: 2 of its 4 tensors have no place in this model, so it plays in part; the first is .*layers\.99\.self_attn\.q_proj/,
    ),
  ]);
});
