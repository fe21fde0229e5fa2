import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "@acewright/core-native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { musicTensors, vaeTensors } from "../../src/models/expected-tensors.js";
import { readMusicConfig, readVaeConfig } from "../../src/models/model-config.js";
import { toyFolders } from "../../src/models/toy.js";
import { verifyModels } from "../../src/models/verify.js";

const golden = fileURLToPath(new URL("../../../../tools/reference/golden", import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-verify-"));
  cpSync(toyFolders().checkpoints, folder, { recursive: true });
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function problems(): string[] {
  return verifyModels(folder).flatMap((part) => part.problems);
}

function editConfig(part: string, change: Record<string, unknown>): void {
  const path = join(folder, part, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...config, ...change }));
}

test("the toy is whole, named from above or by its own folder", () => {
  expect(problems()).toEqual([]);
  expect(verifyModels(join(folder, "acestep-v15-toy")).flatMap((part) => part.problems)).toEqual([]);
});

test.each(["tiny", "tiny_xl"])("the shapes asked of %s are exactly those of its weights", (name) => {
  const expected = musicTensors(readMusicConfig(join(golden, name, "model/config.json")));
  const found = [...openCheckpoint(join(golden, name, "model")).tensors].map(([tensor, { shape }]) => [
    tensor,
    shape,
  ]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
});

test("the shapes asked of the golden autoencoder are exactly those of its weights", () => {
  const expected = vaeTensors(readVaeConfig(join(golden, "tiny_vae/config.json")));
  const { tensors } = openCheckpoint(join(golden, "tiny_vae"), "diffusion_pytorch_model");
  expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(
    Object.fromEntries(expected),
  );
});

test("a published 2B model has 2 393 872 518 parameters by these shapes", () => {
  const config = {
    model_version: "turbo",
    hidden_size: 2048,
    intermediate_size: 6144,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    num_lyric_encoder_hidden_layers: 8,
    num_timbre_encoder_hidden_layers: 4,
    num_attention_pooler_hidden_layers: 2,
  };
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify(config));
  const shapes = [...musicTensors(readMusicConfig(path)).values()];
  expect(shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(2_393_872_518);
});

test("another width in config.json is a problem of shape that names a weight", () => {
  editConfig("acestep-v15-toy", { intermediate_size: 200 });
  expect(problems()).toEqual([
    expect.stringMatching(/weights of another shape: .*gate_proj.*\[192, 160\].*\[200, 160\]/),
  ]);
});

test("another number of layers is missing weights, or too many", () => {
  editConfig("acestep-v15-toy", { num_hidden_layers: 7 });
  expect(problems()).toEqual([expect.stringMatching(/^19 missing weights: decoder\.layers\.6/)]);
  editConfig("acestep-v15-toy", { num_hidden_layers: 5 });
  expect(problems()).toEqual([expect.stringMatching(/^19 weights that do not belong to this model/)]);
});

test("a fine-tune is found by its config, whatever its folder is called, and looked at like any other", () => {
  renameSync(join(folder, "acestep-v15-toy"), join(folder, "bells-tuned"));
  expect(problems()).toEqual([]);
  expect(verifyModels(folder)[0]?.detail).toMatch(/^bells-tuned, /);
  truncateSync(join(folder, "bells-tuned/model.safetensors"), 100_000);
  expect(problems()).toEqual([expect.stringContaining("bells-tuned")]);
});

test("a truncated file is named", () => {
  truncateSync(join(folder, "vae/diffusion_pytorch_model.safetensors"), 100_000);
  expect(problems()).toEqual([expect.stringContaining("diffusion_pytorch_model.safetensors")]);
});

test.each([
  ["vae", /vae is missing/],
  ["Qwen3-Embedding-0.6B/tokenizer.json", /tokenizer\.json is missing/],
  ["acestep-v15-toy", /no folder acestep-v15-\*/],
  ["acestep-v15-toy/config.json", /no folder acestep-v15-\*/],
])("what is missing is said: %s", (path, message) => {
  rmSync(join(folder, path), { recursive: true });
  expect(problems()).toEqual([expect.stringMatching(message)]);
});

test.each([
  ["not JSON", "{", /is not JSON/],
  ["a missing number", "{}", /hidden_size/],
  ["an absurd number", '{"hidden_size": 1e300}', /hidden_size/],
])("a config.json with %s is named", (_what, text, message) => {
  writeFileSync(join(folder, "acestep-v15-toy/config.json"), text);
  expect(problems()).toEqual([expect.stringMatching(message)]);
});

test("a Hugging Face cache, whose files are links to blobs, is whole", () => {
  const blobs = join(folder, "blobs");
  mkdirSync(blobs);
  for (const [i, path] of ["acestep-v15-toy/model.safetensors", "vae/config.json"].entries()) {
    renameSync(join(folder, path), join(blobs, String(i)));
    symlinkSync(`../blobs/${String(i)}`, join(folder, path));
  }
  expect(problems()).toEqual([]);
});

test("a training run is told to be one, and how to look at it", () => {
  const run = mkdtempSync(join(tmpdir(), "acewright-verify-run-"));
  writeFileSync(join(run, "config.json"), "{}");
  writeFileSync(join(run, "events.jsonl"), "");
  expect(() => verifyModels(run)).toThrow(/: is a training run, not a checkpoint; `acewright runs show /);
  rmSync(run, { recursive: true });
});
