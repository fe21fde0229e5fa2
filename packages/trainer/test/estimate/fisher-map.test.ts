import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelConfig } from "@acewright/core-native";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse-config.js";
import { readFisherMap, withFisherMap } from "../../src/estimate/fisher-map.js";
import { makeFisherMap } from "../../src/estimate/make-fisher-map.js";
import { lawOf } from "../../src/estimate/measure.js";
import type { ModuleScore } from "../../src/estimate/ranks.js";
import { EstimateSettings } from "../../src/estimate/settings.js";
import { testSongs } from "../quadratic-model.js";
import { scratch } from "../trained.js";

const model = {
  fingerprint: "m",
  layers: 2,
  hiddenSize: 16,
  timestepMu: -0.4,
  timestepSigma: 1,
} as ModelConfig;
const [q, up] = ["layers.0.self_attn.q_proj", "layers.1.mlp.up_proj"];

test.each([
  ["balanced", { law: "logit-normal-max2", mu: -0.4, sigma: 1 }],
  ["texture", { law: "uniform", low: 0, high: 0.4 }],
  ["structure", { law: "uniform", low: 0.6, high: 1 }],
  ["0.2,0.7", { law: "uniform", low: 0.2, high: 0.7 }],
])("%s looks at its own part of the noise", (focus, law) => {
  expect(lawOf(focus, model)).toEqual(law);
});

/** What a configuration becomes beside a map of two modules. */
function beside(adapter: object, map: object = {}) {
  const tensors = scratch();
  const all = { version: 2, rank_pattern: { [q]: 8, [`decoder.${up}.weight`]: 24 }, ...map };
  writeFileSync(join(tensors, "fisher_map.json"), JSON.stringify(all));
  const config = parseConfig({ tensors, model: "m", output: "o", adapter });
  return withFisherMap(config, testSongs(), model);
}

test("a map's modules and ranks take the place of the defaults, its alphas or twice the ranks beside them", () => {
  const { config, lines } = beside({ kind: "dora", rank: 64 });
  expect(config.adapter).toMatchObject({
    kind: "dora",
    targetModules: [q, up],
    rankPattern: { [q]: 8, [up]: 24 },
    alphaPattern: { [q]: 16, [up]: 48 },
  });
  expect(lines).toEqual([expect.stringMatching(/2 modules with ranks 8 to 24; --ignore-fisher-map/)]);
  expect(beside({ kind: "lora" }, { alpha_pattern: { [q]: 3 } }).config.adapter).toMatchObject({
    alphaPattern: { [q]: 3 },
  });
  // The MLP is adapted where the map says so, and nowhere else.
  expect(beside({ kind: "lora", targetMlp: true }).config.adapter).toMatchObject({ targetMlp: false });
});

test("modules or ranks of one's own win over a map, which is then left aside", () => {
  for (const own of [{ targetModules: ["q_proj"] }, { attentionType: "self" }, { layers: "0" }]) {
    const { config, lines } = beside({ kind: "lora", ...own });
    expect(config.adapter).toMatchObject(own);
    expect(config.adapter).not.toHaveProperty("rankPattern");
    expect(lines).toEqual([expect.stringMatching(/is left aside: the modules to adapt were chosen by hand/)]);
  }
  for (const own of [{ kind: "lora", rankPattern: { [q]: 2 } }, { kind: "lokr" }]) {
    const { config, lines } = beside(own);
    expect(config.adapter).toMatchObject(own);
    expect(config.adapter.targetModules).toHaveLength(4);
    expect(lines).toEqual([]);
  }
});

test("a map that is written is read back as it was meant, by others too", () => {
  const score = (name: string): ModuleScore => {
    return { name, out: 16, in: 16, sensitivity: 1, fisherScore: 2, crossRunStd: 0.5, effectiveRank: 7 };
  };
  const tensors = scratch();
  const settings = EstimateSettings.parse({ tensors, model: "m", timestepFocus: "texture", rank: 32 });
  const chosen = [{ ...score(q), rank: 8 }];
  const modules = [score(q), score(up)];
  const map = makeFisherMap(settings, { samples: testSongs(), model, modules, chosen, runs: 2, batches: 5 });
  expect(map).toMatchObject({
    version: 2,
    timestep_focus: "texture",
    timestep_range: [0, 0.4],
    num_runs: 2,
    batches_per_run: 3,
    total_batches: 5,
    base_rank: 32,
    target_modules: [q],
    rank_pattern: { [q]: 8 },
    alpha_pattern: { [q]: 16 },
    excluded_modules: [up],
    dataset_hash: "d".repeat(12),
  });
  expect(map.modules[0]).toMatchObject({ name: q, assigned_rank: 8, effective_rank: 7, fisher_score: 2 });
  expect(map.modules[1]).not.toHaveProperty("assigned_rank");
  writeFileSync(join(tensors, "fisher_map.json"), JSON.stringify(map));
  expect(readFisherMap(tensors)).toMatchObject({
    rank_pattern: { [q]: 8 },
    acewright: { model: "m", dataset: "d".repeat(64) },
  });
});
