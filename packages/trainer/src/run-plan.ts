import { AceError, type PlanRequest } from "@acewright/core-native";
import { nativeOptimizer } from "./config/optimizer.js";
import type { TrainConfig } from "./config/train-config.js";
import type { RunPlan } from "./events.js";
import { adapterConfigOf } from "./plan/adapter-targets.js";
import { batchesPerEpoch, mixedPerEpoch, placesPerEpoch } from "./plan/epoch.js";
import { stepsPerEpoch, totalSteps } from "./plan/steps.js";
import { splitSongs, type Split } from "./plan/validation.js";
import type { SampleSource } from "./sample-source.js";

/** The plan without what only an opened adapter knows. */
export type StepsPlan = Omit<RunPlan, "parameters" | "memory" | "recompute">;

/** @throws {AceError} ERR_CONFIG when the validation would leave nothing to train on; ERR_FILE without any song. */
export function planSteps(config: TrainConfig, samples: SampleSource): { split: Split; steps: StepsPlan } {
  if (samples.songs.length === 0) {
    throw new AceError("ERR_FILE", `${config.tensors}: holds no songs; run \`acewright preprocess\` first`);
  }
  const own = samples.regularization?.from ?? samples.songs.length;
  const parts = splitSongs(own, config.validationFraction, config.seed);
  if (parts === undefined) {
    throw new AceError(
      "ERR_CONFIG",
      `validationFraction ${config.validationFraction} of ${own} songs leaves none to train on; lower it or use 0`,
    );
  }
  const mixed = Array.from({ length: samples.songs.length - own }, (_, i) => own + i);
  const split = { ...parts, regularization: mixed };
  const trained = split.training.map((song) => samples.songs[song] ?? {});
  const { datasetRepeats: repeats, batchSize, regularizationRatio } = config;
  const perEpoch = batchesPerEpoch(trained, { repeats, batchSize, regularizationRatio }, mixed.length);
  const settings = {
    batchesPerEpoch: perEpoch,
    gradientAccumulation: config.gradientAccumulation,
    epochs: config.epochs,
    maxSteps: config.maxSteps,
  };
  const steps = totalSteps(settings);
  return {
    split,
    steps: {
      trainingSongs: split.training.length,
      validationSongs: split.validation.length,
      ...(mixed.length > 0 && { regularizationSongs: mixed.length }),
      batchesPerEpoch: perEpoch,
      stepsPerEpoch: stepsPerEpoch(settings),
      steps,
      epochs: Math.ceil(steps / stepsPerEpoch(settings)),
    },
  };
}

/** The largest micro-batch a run can meet: as many songs as fit a batch, as long as the longest crop and condition. */
export function largestBatch(
  config: TrainConfig,
  samples: SampleSource,
  layers: number,
): Omit<PlanRequest, "recompute"> {
  const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);
  const longest = most(samples.songs.map(({ frames }) => frames));
  return {
    batch: Math.min(config.batchSize, mostPlaces(config, samples)),
    frames: Math.min(longest, config.cropFrames ?? longest),
    conditionTokens: most(samples.songs.flatMap(({ conditionTokens }) => conditionTokens)),
    adapter: adapterConfigOf(config.adapter, layers),
    optimizer: nativeOptimizer(config),
    buckets: config.buckets,
    padding: config.padding,
    datasetBytes: songBytes(samples).reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** Songs of an epoch, with their repeats and what is mixed in: no batch is larger. */
export function mostPlaces(config: TrainConfig, { songs, regularization }: SampleSource): number {
  const places = placesPerEpoch(songs.slice(0, regularization?.from), config.datasetRepeats);
  const mixed = songs.length - (regularization?.from ?? songs.length);
  return places + mixedPerEpoch(places, mixed, config.regularizationRatio);
}

/** What each song takes with all its conditions, at most: in float32. */
export function songBytes({ songs, encoderHiddenSize }: SampleSource): number[] {
  return songs.map(({ frames, conditionTokens }) => {
    const tokens = conditionTokens.reduce((sum, count) => sum + count, 0);
    return 4 * (frames * (64 + 128) + encoderHiddenSize * tokens);
  });
}
