import { basename } from "node:path";
import type { ModelConfig } from "@acewright/core-native";
import type { TrainConfig } from "./config/train-config.js";
import { decidingSettings } from "./config/config-diff.js";
import { packageVersion } from "./package-version.js";

/** What is remembered inside an adapter's file. Folders are named without their way: adapters are passed on. */
export interface AdapterOrigin {
  readonly config: TrainConfig;
  readonly model: ModelConfig;
  readonly datasetHash: string;
  readonly songs: number;
  readonly step: number;
}

/** Strings for a safetensors header; equal runs give equal strings, so there is no date and no path among them. */
export function adapterMetadata(origin: AdapterOrigin): Record<string, string> {
  const { tensors, model } = origin.config;
  return {
    acewright_version: packageVersion,
    ...(origin.config.trigger !== undefined && { trigger: origin.config.trigger }),
    base_model: basename(model),
    base_model_version: origin.model.modelVersion,
    base_model_fingerprint: origin.model.fingerprint,
    dataset_hash: origin.datasetHash,
    step: String(origin.step),
    run_metadata: JSON.stringify({
      tensor_dir: basename(tensors),
      num_samples: origin.songs,
      training_config: decidingSettings(origin.config),
    }),
  };
}
