import type { HostTensor } from "@acewright/core-native";
import { AceError, openCheckpoint, writeSafetensors } from "@acewright/core-native";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointWeights } from "../../src/onnx/checkpoint-weights.js";
import { resolveEncoderDevice } from "../../src/onnx/execution-device.js";
import { GraphBuilder } from "../../src/onnx/graph-builder.js";
import { Network } from "../../src/onnx/network.js";

const device = { name: "cpu", reason: "test" } as const;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-graph-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Values every dtype can hold, stored at an odd offset. */
function save(dtype: "F32" | "F64" | "BF16" | "F16", bytes: Uint8Array): void {
  const weight: HostTensor = { dtype, shape: [3], data: bytes };
  writeSafetensors(join(folder, "model.safetensors"), { weight });
}

async function readThrough(): Promise<number[]> {
  const graph = new GraphBuilder();
  const weights = new CheckpointWeights(openCheckpoint(folder));
  const x = graph.input("x", "F32", [3]);
  graph.output("y", graph.node("Add", [x, weights.float32(graph, "weight", [3])]), "F32", [3]);
  const network = await Network.open("test", graph.model("test"), { device });
  const { y } = await network.run({ x: { data: new Float32Array(3), shape: [3] } });
  await network.close();
  return [...(y as Float32Array)];
}

describe("weights are read by the runtime straight from the file", () => {
  test.each([
    ["F32", new Uint8Array(Float32Array.of(1, -2.5, 1e-30).buffer), [1, -2.5, Math.fround(1e-30)]],
    ["F64", new Uint8Array(Float64Array.of(1, -2.5, 0.25).buffer), [1, -2.5, 0.25]],
    ["BF16", new Uint8Array(Uint16Array.of(0x3f80, 0xc020, 0x0001).buffer), [1, -2.5, 2 ** -133]],
    ["F16", new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x0001).buffer), [1, -2.5, 2 ** -24]],
  ] as const)("as %s", async (dtype, bytes, values) => {
    save(dtype, bytes);
    expect(await readThrough()).toEqual(values);
  });

  test("through a link that leaves the folder", async () => {
    save("F32", new Uint8Array(Float32Array.of(4, 5, 6).buffer));
    mkdirSync(join(folder, "sub"));
    renameSync(join(folder, "model.safetensors"), join(folder, "blob"));
    symlinkSync(join(folder, "blob"), join(folder, "sub", "model.safetensors"));
    folder = join(folder, "sub");
    expect(await readThrough()).toEqual([4, 5, 6]);
    folder = join(folder, "..");
  });

  test("but not from two folders at once", () => {
    const one: HostTensor = { dtype: "F32", shape: [1], data: new Uint8Array(4) };
    const graph = new GraphBuilder();
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, name));
      writeSafetensors(join(folder, name, "model.safetensors"), { [name]: one });
      const weights = new CheckpointWeights(openCheckpoint(join(folder, name)));
      const add = (): unknown => weights.raw(graph, name, [1]);
      if (name === "a") add();
      else expect(add).toThrow(/put them in one folder/);
    }
  });
});

test("a prefix stands before every name", async () => {
  const weight: HostTensor = { dtype: "F32", shape: [1], data: new Uint8Array(4) };
  writeSafetensors(join(folder, "model.safetensors"), { "model.weight": weight, other: weight });
  const weights = new CheckpointWeights(openCheckpoint(folder), "model.");
  expect(weights.has("weight")).toBe(true);
  expect(weights.has("other")).toBe(false);
  expect(() => weights.entry("other", [1])).toThrow(/lacks the weight "model.other"/);
  weights.entry("weight", [1]);
  expect(() => {
    weights.refuseUnused(() => false);
  }).toThrow(/holds "other"/);
  await Promise.resolve();
});

test("a graph the runtime refuses ends in its own words", async () => {
  const graph = new GraphBuilder();
  graph.output("y", graph.node("NoSuchOperator", [graph.input("x", "F32", [1])]), "F32", [1]);
  await expect(Network.open("test", graph.model("test"), { device })).rejects.toThrow(
    /refuses the network.*NoSuchOperator/s,
  );
});

test("a device that is asked for and missing is an error; auto says which one runs", async () => {
  expect(await resolveEncoderDevice("cpu")).toEqual({ name: "cpu", reason: "asked for" });
  const chosen = await resolveEncoderDevice("auto");
  expect(chosen.reason).not.toBe("");
  if (chosen.name === "cpu") {
    const error: unknown = await resolveEncoderDevice("cuda").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AceError);
    expect((error as AceError).code).toBe("ERR_DEVICE");
    expect((error as AceError).message).not.toContain("\n");
  }
});
