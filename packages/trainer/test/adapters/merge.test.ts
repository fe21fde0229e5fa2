import { join } from "node:path";
import { Decoder } from "@acewright/core-native";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectAdapter } from "../../src/adapters/inspect-adapter.js";
import { writeLora } from "../../src/adapters/low-rank.js";
import { matrixOf } from "../../src/adapters/matrix.js";
import { mergeAdapters } from "../../src/adapters/merge-adapters.js";
import { resizeAdapter } from "../../src/adapters/resize-adapter.js";
import { scratch } from "../trained.js";
import { distance, savedAdapter, tinyModel as model, velocity } from "./tiny-adapters.js";

// What is computed from adapters' files, held against what the core computes with the adapters themselves.
/** Of the tiny model's linears: nothing is lost. */
const whole = 64;

let decoder: Decoder;
beforeAll(async () => {
  decoder = await Decoder.open(model);
});
afterAll(() => {
  decoder.close();
});

const saved = (config: Parameters<typeof savedAdapter>[1], turn: number) =>
  savedAdapter(decoder, config, turn);
const answer = (uses: Parameters<typeof velocity>[1]) => velocity(decoder, uses);

const kinds = {
  lora: { kind: "lora" },
  dora: { kind: "dora" },
  lokr: { kind: "lokr", factor: 4 },
  loha: { kind: "loha" },
  "lokr on directions": { kind: "lokr", factor: 4, weightDecompose: true },
} as const;

test.each([
  ["lora", "lokr"],
  ["loha", "lora"],
  ["dora", "loha"],
  ["lokr on directions", "lora"],
] as const)("%s and %s merged at full rank do what both do together", async (one, two) => {
  const uses = [
    { path: await saved(kinds[one], 1), weight: 0.7 },
    { path: await saved(kinds[two], 2), weight: -0.5 },
  ];
  const output = join(scratch(), "merged");
  const told: string[] = [];
  await mergeAdapters(uses, {
    output,
    choice: { rank: whole },
    model,
    onModule: (done, of) => told.push(`${done}/${of}`),
  });
  const together = await answer(uses.map(({ path, weight }) => ({ path, scale: weight })));
  expect(distance(together, await answer([]))).toBeGreaterThan(1e-2);
  // float32 factors, and products in another order.
  expect(distance(await answer([{ path: output, scale: 1 }]), together)).toBeLessThan(1e-5);
  const { modules, metadata } = inspectAdapter(output);
  expect(told.at(-1)).toBe(`${modules.length}/${modules.length}`);
  expect(metadata["made_by"]).toBe("merge 0.7 + -0.5");
});

test("a decomposed adapter cannot be merged without its base, unlike shapes never, unlike kinds not exactly", async () => {
  const lora = await saved(kinds.lora, 1);
  const output = join(scratch(), "out");
  const merge = (other: string, more: object = {}) =>
    mergeAdapters(
      [lora, other].map((path) => ({ path, weight: 1 })),
      { output, ...more },
    );
  const rank = { choice: { rank: 4 } };
  await expect(merge(await saved(kinds.dora, 1), rank)).rejects.toThrow(/a decomposed change/);
  await expect(merge(await saved(kinds.lokr, 1))).rejects.toThrow(
    /only plain LoRAs add up to a LoRA exactly; say with --rank or --energy/,
  );
  const larger = join(scratch(), "larger");
  const filled = (rows: number, columns: number) =>
    matrixOf(rows, columns, new Float64Array(rows * columns).fill(0.1));
  await writeLora(larger, [{ name: "layers.0.self_attn.q_proj", b: filled(96, 2), a: filled(2, 96) }], {});
  await expect(merge(larger, rank)).rejects.toThrow(/different models: \[64, 64\] and \[96, 96\]/);
});

test.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  "%s at full rank does what it did; a DoRA stays one, all others are LoRAs",
  async (kind) => {
    const path = await saved(kinds[kind], 3);
    const output = join(scratch(), "resized");
    const { relativeError } = await resizeAdapter(path, { output, choice: { rank: whole }, model });
    expect(relativeError).toBeLessThan(1e-6);
    expect(inspectAdapter(output).kind).toBe(kind === "dora" ? "dora" : "lora");
    expect(
      distance(await answer([{ path: output, scale: 1 }]), await answer([{ path, scale: 1 }])),
    ).toBeLessThan(1e-5);
  },
);

test("a share of the energy never asks for more than the rank named beside it", async () => {
  const path = await saved(kinds.loha, 4);
  const ranks = async (maxRank: number) => {
    const choice = { energy: 0.999_999, maxRank };
    const { modules } = await resizeAdapter(path, { output: join(scratch(), "thin"), choice });
    return modules.map(({ rank }) => rank);
  };
  // A LoHa of rank 4 is a matrix of rank 16.
  expect(Math.max(...(await ranks(64)))).toBeGreaterThan(6);
  expect(new Set(await ranks(5))).toEqual(new Set([5]));
});
