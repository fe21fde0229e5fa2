import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCheckpoint } from "../../ts/checkpoint.js";
import { AceError } from "../../ts/errors.js";
import { fromFloat32 } from "../../ts/float-tensor.js";
import { writeSafetensors } from "../../ts/safetensors.js";

const golden = join(import.meta.dirname, "../../../../tools/reference/golden");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-checkpoint-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const one = fromFloat32(Float32Array.of(1), [1]);
const writeIndex = (weightMap: unknown): void => {
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
};

test("one file and shards give tensors alike", () => {
  expect(openCheckpoint(join(golden, "tiny/model")).files).toHaveLength(1);
  const sharded = openCheckpoint(join(golden, "tiny_xl/model"));
  expect(sharded.files).toHaveLength(2);
  const norm = sharded.read("decoder.norm_out.weight");
  expect(norm.data.length).toBe((norm.shape[0] as number) * 4);
});

test("another stem names another file", () => {
  const vae = openCheckpoint(join(golden, "tiny_vae"), "diffusion_pytorch_model");
  expect(vae.tensors.has("encoder.conv1.weight_v")).toBe(true);
});

test("a tensor that is not there is named", () => {
  expect(() => openCheckpoint(join(golden, "tiny/model")).read("decoder.nothing")).toThrow(
    /no tensor "decoder.nothing"/,
  );
});

test("a folder without weights is refused by name", () => {
  expect(() => openCheckpoint(folder)).toThrow(/neither model.safetensors nor model.safetensors.index.json/);
});

describe("an index is refused", () => {
  const shards = ["../evil.safetensors", "/etc/evil.safetensors", "a\\b.safetensors", "C:evil.safetensors", "weights.bin", "", 7, null]; // prettier-ignore
  test.each(shards)("that names the shard %j", (shard) => {
    writeIndex({ a: shard });
    const open = (): unknown => openCheckpoint(folder);
    expect(open).toThrow(AceError);
    expect(open).toThrow(/plain name/);
  });

  test("that places a tensor where it is not", () => {
    writeSafetensors(join(folder, "m1.safetensors"), { a: one });
    writeIndex({ a: "m1.safetensors", b: "m1.safetensors" });
    expect(() => openCheckpoint(folder)).toThrow(/lacks "b"/);
  });

  test("that does not know a tensor of a shard, or gives it to another shard", () => {
    writeSafetensors(join(folder, "m1.safetensors"), { a: one, b: one });
    writeSafetensors(join(folder, "m2.safetensors"), { b: one });
    writeIndex({ a: "m1.safetensors", b: "m2.safetensors" });
    expect(() => openCheckpoint(folder)).toThrow(/holds "b", which the index does not place there/);
  });

  test("that names a shard which is missing", () => {
    writeIndex({ a: "m1.safetensors" });
    expect(() => openCheckpoint(folder)).toThrow(/m1.safetensors: does not exist/);
  });

  test.each([
    ["[]"],
    ["null"],
    ["{"],
    ['{"weight_map":[]}'],
    ['{"weight_map":{}}'],
    ['{"weight_map":{"a":"x","a":"y"}}'],
  ])("whose text is %s", (text) => {
    writeFileSync(join(folder, "model.safetensors.index.json"), text);
    expect(() => openCheckpoint(folder)).toThrow(AceError);
  });
});
