import { AceError } from "@acewright/core-native";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PartFiles } from "../../src/preprocess/part-files.js";

let output: string;
let parts: PartFiles;
beforeEach(() => {
  output = mkdtempSync(join(tmpdir(), "acewright-parts-"));
  parts = new PartFiles(output);
});
afterEach(() => {
  rmSync(output, { recursive: true, force: true });
});

const recipe = { audio: "a", seed: 1 };
const part = {
  tensors: { latents: { values: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] } },
  notes: { durationS: "1.5" },
};
const file = (name: string): string => join(output, ".parts", `${name}.safetensors`);

test("a part is read as it was written, by a later run too", () => {
  parts.write("song", recipe, part);
  expect(new PartFiles(output).read("song", { seed: 1, audio: "a" })).toEqual(part);
});

test("a part of another recipe does not exist", () => {
  parts.write("song", recipe, part);
  expect(parts.has("song", recipe)).toBe(true);
  expect(parts.has("song", { ...recipe, seed: 2 })).toBe(false);
  expect(parts.has("song", { audio: "a" })).toBe(false);
  expect(() => parts.read("song", { ...recipe, seed: 2 })).toThrow(
    /song\.safetensors: vanished or was changed/,
  );
});

test("a damaged part is as good as none, and is written anew", () => {
  parts.write("song", recipe, part);
  writeFileSync(file("song"), readFileSync(file("song")).subarray(0, 40));
  expect(parts.has("song", recipe)).toBe(false);
  parts.write("song", recipe, part);
  expect(parts.read("song", recipe)).toEqual(part);
});

test("a part that vanished is told with its path and what to do", () => {
  let error: unknown;
  try {
    parts.read("gone", recipe);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(AceError);
  expect(error).toMatchObject({ code: "ERR_FILE", message: expect.stringContaining(file("gone")) as string });
  expect((error as Error).message).toMatch(/run it again$/);
});

test("removing takes one part, and one that is not there; clearing takes the folder", () => {
  parts.write("one", recipe, part);
  parts.write("two", recipe, part);
  parts.remove("one");
  parts.remove("one");
  expect(readdirSync(join(output, ".parts"))).toEqual(["two.safetensors"]);
  writeFileSync(join(output, ".parts", "left behind"), "");
  parts.clear();
  expect(existsSync(join(output, ".parts"))).toBe(false);
});
