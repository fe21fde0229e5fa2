import type { ModelConfig } from "@acewright/core-native";
import type { SampleSource } from "../sample-source.js";
import { lawOf } from "./measure.js";
import type { ModuleScore, RankedModule } from "./ranks.js";
import type { EstimateSettings } from "./settings.js";

interface Estimated {
  readonly samples: SampleSource;
  readonly model: ModelConfig;
  readonly modules: readonly ModuleScore[];
  readonly chosen: readonly RankedModule[];
  readonly runs: number;
  readonly batches: number;
}

/** Version 2 of the format that Side-Step reads and writes, and under `acewright` who it was made for. */
export function makeFisherMap(settings: EstimateSettings, made: Estimated) {
  const { samples, model, chosen } = made;
  const ranks = new Map(chosen.map(({ name, rank }) => [name, rank]));
  const law = lawOf(settings.timestepFocus, model);
  return {
    version: 2 as const,
    model_variant: samples.madeWith.name,
    timestep_focus: settings.timestepFocus,
    timestep_range: law.law === "uniform" ? [law.low, law.high] : [0, 1],
    timestep_params: { mu: model.timestepMu, sigma: model.timestepSigma, data_proportion: 1 },
    num_runs: made.runs,
    batches_per_run: Math.ceil(made.batches / made.runs),
    total_batches: made.batches,
    base_rank: settings.rank,
    rank_budget: { min: settings.rankMin, max: settings.rankMax },
    dataset_hash: samples.hash.slice(0, 12),
    target_modules: chosen.map(({ name }) => name),
    rank_pattern: Object.fromEntries(ranks),
    alpha_pattern: Object.fromEntries(chosen.map(({ name, rank }) => [name, 2 * rank])),
    modules: made.modules.map(
      ({ name, fisherScore, crossRunStd, effectiveRank: effective, sensitivity }) => ({
        name,
        fisher_score: fisherScore,
        fisher_cross_run_std: crossRunStd,
        ...(effective !== undefined && { effective_rank: effective }),
        ...(ranks.has(name) && { assigned_rank: ranks.get(name) }),
        sensitivity,
      }),
    ),
    excluded_modules: made.modules.flatMap(({ name }) => (ranks.has(name) ? [] : [name])),
    hidden_size: model.hiddenSize,
    num_hidden_layers: model.layers,
    acewright: { model: model.fingerprint, dataset: samples.hash },
  };
}
