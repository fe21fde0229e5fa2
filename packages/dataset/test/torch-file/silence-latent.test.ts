import { fromFloat32, writeSafetensors } from "@acewright/core-native";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSilenceLatent, silenceContext, silenceFrames } from "../../src/torch-file/silence-latent.js";
import { toyModel } from "../reference-folders.js";

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "acewright-silence-"));
  folder = join(root, "model");
  mkdirSync(folder);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("the published torch file and the safetensors hold the same silence", () => {
  copyFileSync(join(toyModel, "silence_latent.pt"), join(folder, "silence_latent.pt"));
  const torch = readSilenceLatent(folder);
  expect(torch).toEqual(readSilenceLatent(toyModel));
  expect([torch.frames, torch.channels]).toEqual([1500, 64]);
});

const small = (): ReturnType<typeof readSilenceLatent> => {
  // Channel after channel: frame t of channel c is 10 c + t.
  const stored = Float32Array.of(0, 1, 2, 10, 11, 12);
  writeSafetensors(join(folder, "silence_latent.safetensors"), {
    silence_latent: fromFloat32(stored, [1, 2, 3]),
  });
  return readSilenceLatent(folder);
};

test("channels and frames change places", () => {
  expect([...small().latents]).toEqual([0, 10, 1, 11, 2, 12]);
});

test("the context is the silence with a mask of ones, and begins again beyond the end", () => {
  const silence = small();
  expect([...silenceFrames(silence, 2)]).toEqual([0, 10, 1, 11]);
  expect([...silenceFrames(silence, 5)]).toEqual([0, 10, 1, 11, 2, 12, 0, 10, 1, 11]);
  expect([...silenceContext(silence, 2)]).toEqual([0, 10, 1, 1, 1, 11, 1, 1]);
});

test("a model without one takes its neighbour's, and says so", () => {
  const neighbour = join(root, "acestep-v15-base");
  mkdirSync(neighbour);
  copyFileSync(join(toyModel, "silence_latent.pt"), join(neighbour, "silence_latent.pt"));
  expect(() => readSilenceLatent(folder)).toThrow(/neither silence_latent/); // a folder that is no model's
  writeFileSync(join(neighbour, "config.json"), "{}");
  const { warning, ...silence } = readSilenceLatent(folder);
  expect(silence).toEqual(readSilenceLatent(toyModel));
  expect(warning).toBe(`${folder}: has no silence latent of its own, that of ${neighbour} is taken`);
  expect(readSilenceLatent(neighbour).warning).toBeUndefined();
});

test("a silence of another shape, a NaN and a missing file are refused", () => {
  expect(() => readSilenceLatent(folder)).toThrow(/neither silence_latent.safetensors nor silence_latent.pt/);
  const path = join(folder, "silence_latent.safetensors");
  writeSafetensors(path, { silence_latent: fromFloat32(new Float32Array(6), [2, 3]) });
  expect(() => readSilenceLatent(folder)).toThrow(/\[2, 3\], expected \[1, channels, frames\]/);
  writeSafetensors(path, { silence_latent: fromFloat32(Float32Array.of(1, NaN), [1, 1, 2]) });
  expect(() => readSilenceLatent(folder)).toThrow(/NaN/);
});
