import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AceError, type Checkpoint, type HostTensor, type ModelConfig } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { EstimateProgress } from "../../src/estimate/measure.js";
import type { ModuleScore } from "../../src/estimate/ranks.js";
import type { EstimateSettings } from "../../src/estimate/settings.js";
import { knownRanks, shapeOf, withSpectrum } from "../../src/estimate/spectrum.js";
import { scratch } from "../trained.js";

const model = { fingerprint: "abcd" } as ModelConfig;
const known = (map: string | object) => {
  const tensors = scratch();
  writeFileSync(join(tensors, "fisher_map.json"), typeof map === "string" ? map : JSON.stringify(map));
  return knownRanks({ tensors } as EstimateSettings, model);
};
const modules = [
  { name: "layers.0.self_attn.q_proj", effective_rank: 7 },
  { name: "layers.0.self_attn.k_proj" },
];

test("what an earlier map says of the same checkpoint is known; of another, or where it says nothing, it is not", () => {
  const map = { version: 2, rank_pattern: {}, modules };
  expect([...known({ ...map, acewright: { model: "abcd", dataset: "d" } })]).toEqual([
    ["layers.0.self_attn.q_proj", 7],
  ]);
  expect(known({ ...map, acewright: { model: "other", dataset: "d" } }).size).toBe(0);
  expect(known(map).size).toBe(0);
  expect(known({ version: 2, rank_pattern: {}, acewright: { model: "abcd", dataset: "d" } }).size).toBe(0);
  expect(knownRanks({ tensors: scratch() } as EstimateSettings, model).size).toBe(0);
});

test("a damaged map is as none: it is about to be replaced", () => {
  expect(known('{"version": 2,').size).toBe(0);
  expect(known({ version: 1, rank_pattern: {} }).size).toBe(0);
});

/** One weight of rank one; any other is asked for in vain. */
const checkpoint = {
  tensors: new Map([["decoder.layers.0.self_attn.k_proj.weight", { shape: [4, 6] }]]),
  read: (name: string): HostTensor => {
    if (!name.includes("k_proj")) throw new AceError("ERR_CHECKPOINT", `${name} was read`);
    return { dtype: "F32", shape: [4, 6], data: new Uint8Array(new Float32Array(24).fill(0.5).buffer) };
  },
} as unknown as Checkpoint;
const score = (name: string): ModuleScore => ({
  name,
  out: 4,
  in: 6,
  sensitivity: 1,
  fisherScore: 1,
  crossRunStd: 0,
});
const scores = [score("layers.0.self_attn.q_proj"), score("layers.0.self_attn.k_proj")];
const ranks = new Map([["layers.0.self_attn.q_proj", 7]]);

test("a known rank is taken without its weight being read, another is measured; each is told", async () => {
  expect(shapeOf(checkpoint, "layers.0.self_attn.k_proj")).toEqual({ out: 4, in: 6 });
  const told: EstimateProgress[] = [];
  const onProgress = (progress: EstimateProgress) => told.push(progress);
  const found = await withSpectrum(scores, { checkpoint, known: ranks }, { onProgress });
  expect(found.map(({ effectiveRank }) => effectiveRank)).toEqual([7, 1]);
  expect(told).toEqual([
    { phase: "spectrum", done: 1, total: 2 },
    { phase: "spectrum", done: 2, total: 2 },
  ]);
});

test("stopped on the way, no module has a rank", async () => {
  const abort = new AbortController();
  const onProgress = () => {
    abort.abort();
  };
  const found = await withSpectrum(
    scores,
    { checkpoint, known: ranks },
    { signal: abort.signal, onProgress },
  );
  expect(found).toEqual(scores);
});
