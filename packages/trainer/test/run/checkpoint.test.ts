import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromFloat32, writeSafetensors } from "@acewright/core-native";
import { expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint, type Progress } from "../../src/run/checkpoint.js";
import { nodeFiles } from "../../src/run/files.js";
import { scratch } from "../trained.js";

const progress: Progress = {
  step: 7,
  seed: 42,
  epoch: 2,
  microBatch: 4,
  skippedSteps: 1,
  skippedInARow: 0,
  validatedStep: 6,
  best: { step: 6, loss: 0.1 + 0.2 },
  timestepLosses: [1, 1.5, 0.25, 1, 1, 1, 1, 1, 1, 0.125],
  judgement: {
    cruise: { mean: 0.1 + 0.2, last: 1e-9 },
    training: { sum: 0.4, weight: 0.9 },
    epoch: { sum: 0.7, count: 2 },
    epochLosses: [0.5, 1 / 3],
    sinceBest: 3,
    validation: { loss: 0.25, trainingLossAtFall: null, rises: 1 },
  },
};
const tensor = (value: number) => fromFloat32(Float32Array.of(value, 2 * value), [2]);

async function written(): Promise<string> {
  const folder = join(scratch(), "step-00000007");
  await writeCheckpoint(nodeFiles, folder, {
    progress,
    optimizer: { "exp_avg.a": tensor(1) },
    saveAdapter: (to) => {
      writeSafetensors(join(to, "adapter_model.safetensors"), { a: tensor(3) });
      writeFileSync(join(to, "adapter_config.json"), "{}");
      return Promise.resolve();
    },
  });
  return folder;
}

test("what is written reads back to the bit", async () => {
  const read = await readCheckpoint(await written());
  expect(read.progress).toEqual(progress);
  expect(read.optimizer).toEqual({ "exp_avg.a": tensor(1) });
  expect(read.adapter).toEqual({ a: tensor(3) });
});

test.each<[string, (folder: string) => void, RegExp]>([
  [
    "no list of checksums",
    (f) => {
      rmSync(join(f, "checksums.json"));
    },
    /checksums\.json: is missing: the checkpoint is not complete/,
  ],
  [
    "a damaged list",
    (f) => {
      writeFileSync(join(f, "checksums.json"), "{");
    },
    /checksums\.json: holds damaged JSON/,
  ],
  [
    "a list of something else",
    (f) => {
      writeFileSync(join(f, "checksums.json"), '{"files": 3}');
    },
    /is not a list of checksums/,
  ],
  [
    "a list without the state",
    (f) => {
      writeFileSync(join(f, "checksums.json"), '{"files": {}}');
    },
    /does not list state\.safetensors/,
  ],
  [
    "a list that leads elsewhere",
    (f) => {
      writeFileSync(
        join(f, "checksums.json"),
        JSON.stringify({ files: { "../../etc/passwd": { bytes: 1, sha256: "0" } } }),
      );
    },
    /names "\.\.\/\.\.\/etc\/passwd" outside its folder/,
  ],
  [
    "an empty file",
    (f) => {
      writeFileSync(join(f, "adapter_config.json"), "");
    },
    /adapter_config\.json: has 0 bytes, 2 were written/,
  ],
  [
    "an edited file",
    (f) => {
      writeFileSync(join(f, "adapter_config.json"), "[]");
    },
    /adapter_config\.json: has changed since it was written/,
  ],
])("%s is refused, naming the file", async (_what, harm, message) => {
  const folder = await written();
  harm(folder);
  await expect(readCheckpoint(folder)).rejects.toThrow(message);
});

test("a state of another version is no damage but a refusal of its own", async () => {
  const folder = await written();
  const state = join(folder, "state.safetensors");
  const list = join(folder, "checksums.json");
  writeSafetensors(state, {}, { format: "acewright-state", version: "2", progress: "{}" });
  const { createHash } = await import("node:crypto");
  const bytes = readFileSync(state);
  const sums = JSON.parse(readFileSync(list, "utf8")) as { files: Record<string, unknown> };
  sums.files["state.safetensors"] = {
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
  writeFileSync(list, JSON.stringify(sums));
  await expect(readCheckpoint(folder)).rejects.toThrow(/was not written by this version of Acewright/);
});
