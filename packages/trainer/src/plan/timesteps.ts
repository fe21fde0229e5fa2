import { turboTimes, type ModelConfig, type TimestepLaw } from "@acewright/core-native";
import type { TrainConfig } from "../config/train-config.js";

/** What a law may ask of the model. */
type TimestepModel = Pick<ModelConfig, "timestepMu" | "timestepSigma" | "isTurbo"> & {
  /** Shift of a turbo model's eight times; default 3. */
  readonly turboShift?: number;
};

type TimestepSettings = Pick<
  TrainConfig,
  "timesteps" | "timestepMu" | "timestepSigma" | "timestepLow" | "timestepHigh" | "timestepTable"
>;

/** The law a run draws its timesteps from; what the configuration leaves open comes from the model's config.json. */
export function timestepLaw(settings: TimestepSettings, model: TimestepModel): TimestepLaw {
  const timesteps = settings.timesteps === "by-variant" ? lawOfVariant(model) : settings.timesteps;
  switch (timesteps) {
    case "logit-normal-max2":
    case "logit-normal":
      return {
        law: timesteps,
        mu: settings.timestepMu ?? model.timestepMu,
        sigma: settings.timestepSigma ?? model.timestepSigma,
      };
    case "uniform":
      return { law: "uniform", low: settings.timestepLow ?? 0, high: settings.timestepHigh ?? 1 };
    case "discrete":
      return { law: "discrete", table: settings.timestepTable ?? turboTimes(model.turboShift ?? 3, 8) };
  }
}

/** A turbo model is only ever asked at the times of its sampler; the others at any time. */
function lawOfVariant({ isTurbo }: TimestepModel): "discrete" | "logit-normal-max2" {
  return isTurbo ? "discrete" : "logit-normal-max2";
}

/** The configuration with the law's numbers written out, so that a rerun does not ask the model again. */
export function withResolvedTimesteps(config: TrainConfig, law: TimestepLaw): TrainConfig {
  switch (law.law) {
    case "logit-normal-max2":
    case "logit-normal":
      return { ...config, timesteps: law.law, timestepMu: law.mu, timestepSigma: law.sigma };
    case "uniform":
      return { ...config, timestepLow: law.low, timestepHigh: law.high };
    case "discrete":
      return { ...config, timesteps: "discrete", timestepTable: [...law.table] };
  }
}
