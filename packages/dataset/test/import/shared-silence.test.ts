import { readSafetensors, toFloat32 } from "@acewright/core-native";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SharedSilence } from "../../src/import/shared-silence.js";
import type { TensorContent } from "../../src/tensors/tensor-file.js";

let folder: string;
let path: string;
let silence: SharedSilence;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-silence-"));
  path = join(folder, "silence_latent.safetensors");
  silence = new SharedSilence(path);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A song of one channel whose context has this source and mask in every frame. */
function song(source: readonly number[], mask = 1, latents = source.map(() => 9)): TensorContent {
  return {
    frames: source.length,
    channels: 1,
    width: 1,
    latents: Float32Array.from(latents),
    conditions: [Float32Array.of(0)],
    contextLatents: Float32Array.from(source.flatMap((value) => [value, mask])),
  };
}
const isShared = (content: TensorContent): boolean =>
  silence.withoutSilence(content).contextLatents === undefined;
const onDisk = (): { shape: readonly number[]; values: number[] } => {
  const tensor = readSafetensors(path).tensors["silence_latent"];
  if (tensor === undefined) throw new Error("no silence");
  return { shape: tensor.shape, values: [...toFloat32(tensor)] };
};

test("the longest source that the others are beginnings of is the silence, and grows on disk", () => {
  expect(isShared(song([1, 2]))).toBe(true);
  expect(isShared(song([1, 2, 3]))).toBe(true);
  expect(isShared(song([1]))).toBe(true);
  expect(onDisk()).toEqual({ shape: [3, 1], values: [1, 2, 3] });
});

test("another source, a mask that is not all one, and a song's own latents are left in their song", () => {
  expect(isShared(song([1, 2]))).toBe(true);
  for (const own of [song([1, 7]), song([1, 2, 3], 0), song([1, 2, 5], 1, [1, 2, 5])]) {
    expect(silence.withoutSilence(own)).toBe(own);
  }
  expect(onDisk().values).toEqual([1, 2]);
});

test("an interrupted import goes on from what is on disk", () => {
  expect(isShared(song([1, 2]))).toBe(true);
  silence = new SharedSilence(path);
  expect(isShared(song([4, 5]))).toBe(false);
  expect(isShared(song([1]))).toBe(true);
});

test("where no song had a context to share something is written, and what is there stays", () => {
  expect(existsSync(path)).toBe(false);
  silence.ensure(4);
  expect(onDisk()).toEqual({ shape: [1, 4], values: [0, 0, 0, 0] });
  rmSync(path);
  silence = new SharedSilence(path);
  expect(isShared(song([1, 2]))).toBe(true);
  silence.ensure(1);
  expect(onDisk().values).toEqual([1, 2]);
});
