import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { AceError, type DeviceInfo, type ModelConfig, type TrainSessionConfig } from "@acewright/core-native";
import { variantSampling } from "@acewright/dataset";
import { framesPerSecond } from "../frames.js";
import type { ResolvedConfig, TrainConfig } from "./train-config.js";
import { findAdapter } from "../export/find-adapter.js";
import { nativeOptimizer } from "./optimizer.js";
import { packageVersion } from "../package-version.js";
import { parseConfig } from "./parse-config.js";
import { alphaOf } from "../plan/adapter-targets.js";
import type { EpochSettings } from "../plan/epoch.js";
import { lossWeightingOf } from "../plan/loss-weighting.js";
import { timestepLaw, withResolvedTimesteps } from "../plan/timesteps.js";

/** What a run meets: the parts of a configuration that only the machine, the model and the dataset can fill. */
export interface Surroundings {
  readonly device: DeviceInfo;
  readonly model: { readonly folder: string; readonly config: ModelConfig };
  readonly dataset: { readonly hash: string; readonly trigger: string };
}

/**
 * The configuration with every choice written out but the recompute policy, which the plan decides; `environment`
 * included: what a run's config.json holds.
 *
 * @throws {AceError} ERR_CONFIG where the given configuration already holds an environment and it is another one.
 */
export function resolveConfig(config: TrainConfig, around: Surroundings): TrainConfig {
  // A run that is resumed has its weights in its checkpoint, and does not miss the adapter it began with.
  const from = config.from !== undefined && existsSync(config.from) ? findAdapter(config.from) : undefined;
  const environment = {
    acewright: packageVersion,
    device: around.device.name === "cpu" ? "cpu" : "cuda",
    instructionSet: around.device.instructionSet,
    build: around.device.buildId,
    model: around.model.config.fingerprint,
    dataset: around.dataset.hash,
    ...(from && { from: sha256Of(from.weights) }),
  };
  refuseOtherEnvironment(config.environment, environment);
  const algorithms = config.environment?.algorithms;
  const { folder, config: model } = around.model;
  const law = timestepLaw(config, {
    ...model,
    ...(model.isTurbo && { turboShift: variantSampling(model, folder).shift }),
  });
  const { cropSeconds, ...rest } = withResolvedTimesteps(config, law);
  const cropFrames =
    cropSeconds === undefined ? config.cropFrames : Math.round(cropSeconds * framesPerSecond);
  const trigger = config.trigger ?? around.dataset.trigger;
  // Parsed once more: what was left open and what was written out then stand in the same order in every file.
  return parseConfig({
    ...rest,
    ...(cropFrames !== undefined && { cropFrames }),
    ...(trigger !== "" && { trigger }),
    adapter: { ...config.adapter, alpha: alphaOf(config.adapter) },
    ...(config.from !== undefined && { from: resolve(config.from) }),
    ...(config.regularization !== undefined && { regularization: resolve(config.regularization) }),
    ...(config.samplePrompts !== undefined && { samplePrompts: resolve(config.samplePrompts) }),
    // Folders in full, so that the run can be resumed from anywhere.
    tensors: resolve(config.tensors),
    output: resolve(config.output),
    model: folder,
    device: around.device.name,
    environment: { ...environment, ...(algorithms !== undefined && { algorithms }) },
  });
}

/** A run's config.json, with what a rerun needs to compute its products the same way; "" where nothing is chosen. */
export function withAlgorithms(config: ResolvedConfig, algorithms = ""): ResolvedConfig {
  if (algorithms === "" || config.environment === undefined) return config;
  return { ...config, environment: { ...config.environment, algorithms } };
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function refuseOtherEnvironment(
  expected: TrainConfig["environment"],
  found: Omit<NonNullable<TrainConfig["environment"]>, "algorithms">,
): void {
  if (expected === undefined) return;
  const differing = (Object.keys(found) as (keyof typeof found)[]).filter(
    // Another version may well give the same bits; the others cannot.
    (key) => key !== "acewright" && expected[key] !== found[key],
  );
  if (differing.length === 0) return;
  const list = differing.map((key) => `${key}: ${expected[key]} -> ${found[key]}`).join("; ");
  throw new AceError(
    "ERR_CONFIG",
    `environment differs from the run this configuration was written by (${list}), so its bits cannot be repeated; remove "environment" to train with its settings`,
  );
}

/** What the native session needs of a resolved configuration. */
export function sessionConfigOf(config: ResolvedConfig, model: ModelConfig): TrainSessionConfig {
  return {
    seed: config.seed,
    optimizer: nativeOptimizer(config),
    loraPlusRatio: config.loraPlusRatio,
    decayVectors: config.decayVectors,
    ...(config.learningRatePattern && { learningRatePattern: config.learningRatePattern }),
    maxGradNorm: config.maxGradNorm,
    timesteps: timestepLaw(config, model),
    timestepRounding: config.timestepRounding,
    conditionDropout: config.conditionDropout,
    lossWeighting: lossWeightingOf(config),
    recompute: config.recompute,
    buckets: config.buckets,
    padding: config.padding,
  };
}

/** What the planner of epochs needs of a resolved configuration. */
export function epochSettingsOf(config: TrainConfig, patchSize: number): EpochSettings {
  return {
    seed: config.seed,
    repeats: config.datasetRepeats,
    batchSize: config.batchSize,
    likeTogether: config.padding !== "packed",
    cropFrames: config.cropFrames,
    cropPlacement: config.cropPlacement,
    bucketFrames: config.buckets.decoderTokens * patchSize,
    bucketConditionTokens: config.buckets.conditionTokens,
    regularizationRatio: config.regularizationRatio,
    captionDropout: config.captionDropout,
    lyricsDropout: config.lyricsDropout,
  };
}
