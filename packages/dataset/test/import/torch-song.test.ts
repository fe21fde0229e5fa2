import type { HostTensor } from "@acewright/core-native";
import { fromFloat32 } from "@acewright/core-native";
import { describe, expect, test } from "vitest";
import { torchSong } from "../../src/import/torch-song.js";
import type { TorchValue } from "../../src/torch-file/read-torch-file.js";

const names = { id: "one", sha256: "sum", fingerprint: "print" };
const tensor = (shape: number[], from = 0): HostTensor =>
  fromFloat32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + i),
    shape,
  );

/** Two frames of two channels, three positions of two, and whatever else. */
function song(more: Record<string, TorchValue> = {}): Map<string, TorchValue> {
  return new Map<string, TorchValue>(
    Object.entries({
      target_latents: tensor([2, 2]),
      context_latents: tensor([2, 4]),
      encoder_hidden_states: tensor([3, 2], 10),
      ...more,
    }),
  );
}
const read = (more: Record<string, TorchValue> = {}) => torchSong("one.pt", song(more), names);
const conditions = (more: Record<string, TorchValue>): number[] => [
  ...(read(more).content.conditions[0] ?? []),
];

test("a file without a mask keeps every position", () => {
  expect(conditions({})).toEqual([10, 11, 12, 13, 14, 15]);
});

test.each<[string, HostTensor]>([
  ["floats", fromFloat32(Float32Array.of(1, -0, 1), [3])],
  [
    "whole numbers of eight bytes",
    { dtype: "I64", shape: [3], data: new Uint8Array(BigInt64Array.of(1n, 0n, 256n).buffer) },
  ],
  ["truth values", { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
])("a mask of %s leaves out what it says", (_what, mask) => {
  expect(conditions({ encoder_attention_mask: mask })).toEqual([10, 11, 14, 15]);
});

describe("a file is refused with its name and the key that does not fit", () => {
  const holding = (value: number): HostTensor => fromFloat32(Float32Array.of(1, 2, 3, value), [2, 2]);
  test.each<[Record<string, TorchValue>, string]>([
    [{ target_latents: null }, "has no tensor target_latents"],
    [{ context_latents: [] }, "has no tensor context_latents"],
    [{ target_latents: tensor([4]) }, "target_latents is F32 [4], expected two axes"],
    [{ encoder_hidden_states: tensor([0, 2]) }, "encoder_hidden_states is F32 [0, 2]"],
    [{ target_latents: holding(NaN) }, "target_latents holds NaN at row 1"],
    [{ target_latents: holding(-Infinity) }, "target_latents holds -Infinity at row 1"],
    [{ context_latents: tensor([2, 3]) }, "context_latents is [2, 3], expected [2, 4]"],
    [{ context_latents: tensor([3, 4]) }, "context_latents is [3, 4], expected [2, 4]"],
    [{ encoder_attention_mask: tensor([2], 1) }, "encoder_attention_mask is [2], expected [3]"],
    [{ encoder_attention_mask: tensor([3, 1], 1) }, "encoder_attention_mask is [3, 1], expected [3]"],
    [{ encoder_attention_mask: fromFloat32(new Float32Array(3), [3]) }, "leaves no position"],
    [{ metadata: new Map([["repeat", 0]]) }, "one.pt: repeat: a whole number from 1 to 1000"],
  ])("%#: %o", (more, says) => {
    expect(() => read(more)).toThrow(expect.objectContaining({ code: "ERR_FILE" }) as Error);
    expect(() => read(more)).toThrow(says);
  });

  test("one that holds no dict", () => {
    expect(() => torchSong("one.pt", [], names)).toThrow("one.pt: is no dict of tensors");
  });
});

test("values stay bf16 only where all of them are", () => {
  const bf16 = (shape: number[]): HostTensor => ({
    dtype: "BF16",
    shape,
    data: new Uint8Array(2 * shape.reduce((a, b) => a * b, 1)),
  });
  const all = {
    target_latents: bf16([2, 2]),
    context_latents: bf16([2, 4]),
    encoder_hidden_states: bf16([3, 2]),
  };
  expect(read(all).content.dtype).toBe("BF16");
  expect(read({ ...all, context_latents: tensor([2, 4]) }).content.dtype).toBe("F32");
});

test("metadata is kept whole: what JSON cannot hold is told in its own words, and repeats count", () => {
  const metadata = new Map<string, TorchValue>([
    ["caption", "bells"],
    ["bpm", "fast"],
    ["repeat", 3],
    ["big", 2n ** 60n],
    ["nested", [new Map<string, TorchValue>([["a", tensor([2, 2])]])]],
  ]);
  const { metadata: kept, repeats } = read({ metadata });
  expect(repeats).toBe(3);
  expect(kept.prompt).toMatchObject({ captions: ["bells"], bpm: null, lyrics: "" });
  expect(JSON.parse(JSON.stringify(kept.sample))).toEqual({
    caption: "bells",
    bpm: "fast",
    repeat: 3,
    big: "1152921504606846976",
    nested: [{ a: { dtype: "F32", shape: [2, 2] } }],
  });
  expect(read().repeats).toBe(1);
});
