import { parseConfig } from "@acewright/trainer";
import { expect, test } from "vitest";
import { adapterCell, ranksOf } from "../../src/render/adapter-words.js";

const adapter = (settings: object) =>
  parseConfig({ tensors: "t", model: "m", output: "o", adapter: { kind: "lora", ...settings } }).adapter;

test.each<[object, string, string]>([
  [{ rank: 8 }, "rank 8", "lora 8"],
  [{ rankPattern: { q_proj: 16, v_proj: 16 } }, "rank 16 for 2 modules or patterns", "lora 16"],
  [{ rankPattern: { q_proj: 16, v_proj: 48 } }, "ranks 16 to 48 for 2 modules or patterns", "lora 16-48"],
])("the ranks of %j are told as they are trained", (settings, words, cell) => {
  expect(ranksOf(adapter(settings))).toBe(words);
  expect(adapterCell(adapter(settings))).toBe(cell);
});
