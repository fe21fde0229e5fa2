import type { ModelConfig, TimestepLaw } from "@acewright/core-native";
import type { TrainConfig } from "../config/train-config.js";

/** The eight times of the turbo sampler at shift 3: s u / (1 + (s - 1) u) for u = 1, 7/8 .. 1/8. */
export const turboTable: readonly number[] = Array.from({ length: 8 }, (_, i) => {
  const u = 1 - i / 8;
  return (3 * u) / (1 + 2 * u);
});

type TimestepSettings = Pick<
  TrainConfig,
  "timesteps" | "timestepMu" | "timestepSigma" | "timestepLow" | "timestepHigh" | "timestepTable"
>;

/** The law a run draws its timesteps from; what the configuration leaves open comes from the model's config.json. */
export function timestepLaw(
  settings: TimestepSettings,
  model: Pick<ModelConfig, "timestepMu" | "timestepSigma">,
): TimestepLaw {
  switch (settings.timesteps) {
    case "logit-normal-max2":
    case "logit-normal":
      return {
        law: settings.timesteps,
        mu: settings.timestepMu ?? model.timestepMu,
        sigma: settings.timestepSigma ?? model.timestepSigma,
      };
    case "uniform":
      return { law: "uniform", low: settings.timestepLow ?? 0, high: settings.timestepHigh ?? 1 };
    case "discrete":
      return { law: "discrete", table: settings.timestepTable ?? turboTable };
  }
}

/** The configuration with the law's numbers written out, so that a rerun does not ask the model again. */
export function withResolvedTimesteps(config: TrainConfig, law: TimestepLaw): TrainConfig {
  switch (law.law) {
    case "logit-normal-max2":
    case "logit-normal":
      return { ...config, timestepMu: law.mu, timestepSigma: law.sigma };
    case "uniform":
      return { ...config, timestepLow: law.low, timestepHigh: law.high };
    case "discrete":
      return { ...config, timestepTable: [...law.table] };
  }
}
