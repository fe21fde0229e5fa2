import { AceError, type DeviceName, type MemoryPlan, type ModelConfig } from "@acewright/core-native";
import type { TrainConfig } from "./config.js";
import type { DevicePort, NativePort } from "./native-port.js";
import type { Split } from "./plan/validation.js";
import { resolveConfig } from "./resolve-config.js";
import { largestBatch, planSteps, type StepsPlan } from "./run-plan.js";
import type { OpenSamples, SampleSource } from "./sample-source.js";

/** A run that fits its model and its songs, known before weights are read or anything is written. */
export interface CheckedRun {
  /** Every choice written out. */
  readonly config: TrainConfig;
  readonly device: DevicePort;
  readonly model: ModelConfig;
  readonly samples: SampleSource;
  readonly split: Split;
  readonly steps: StepsPlan;
  readonly memory: MemoryPlan;
  readonly warnings: readonly string[];
}

/** @throws {AceError} whatever speaks against configuration, device, model and songs. */
export async function checkRun(
  given: TrainConfig,
  parts: { readonly native: NativePort; readonly openSamples: OpenSamples },
): Promise<CheckedRun> {
  const samples = await parts.openSamples(given.tensors);
  const device = parts.native.openDevice(given.device as DeviceName, given.threads);
  const { folder, config: model } = device.readModel(given.model);
  refuseOtherWidth(given, samples, model);
  const around = { device: device.info, model: { folder, config: model }, dataset: samples };
  const config = resolveConfig(given, around);
  const { split, steps } = planSteps(config, samples);
  const memory = await device.planMemory(folder, largestBatch(config, samples, model.layers));
  const isForeign = samples.madeWith.fingerprint !== model.fingerprint;
  const warnings = isForeign
    ? [
        `the songs were preprocessed with ${samples.madeWith.name}, another checkpoint than ${given.model}; preprocess them with the model they are trained on`,
      ]
    : [];
  return { config, device, model, samples, split, steps, memory, warnings };
}

function refuseOtherWidth(config: TrainConfig, samples: SampleSource, model: ModelConfig): void {
  const { encoderHiddenSize } = model;
  if (samples.songs.length === 0 || samples.encoderHiddenSize === encoderHiddenSize) return;
  throw new AceError(
    "ERR_SHAPE",
    `${config.tensors}: encoder_hidden_states are ${samples.encoderHiddenSize} wide, the model ${config.model} expects ${encoderHiddenSize}; preprocess the songs with this model`,
  );
}
