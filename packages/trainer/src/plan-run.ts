import type { DeviceInfo, MemoryPlan } from "@acewright/core-native";
import { checkRun } from "./check-run.js";
import type { TrainConfig, TrainConfigInput } from "./config.js";
import type { NativePort } from "./native-port.js";
import { measureSpeed } from "./measure-speed.js";
import { native } from "./native.js";
import { parseConfig } from "./parse-config.js";
import { framesPerSecond } from "./resolve-config.js";
import type { StepsPlan } from "./run-plan.js";
import type { OpenSamples } from "./sample-source.js";
import { openTensorSamples } from "./tensor-samples.js";

/** What a run would come to, told before anything is trained or written. */
export interface PlannedRun extends StepsPlan {
  /** Every choice written out. */
  readonly config: TrainConfig;
  readonly device: DeviceInfo;
  /** Exact bytes by part; activations are those of the largest batch. */
  readonly memory: MemoryPlan;
  /** Matrix work of the whole run in floating-point operations, if every batch were the largest: an upper bound. */
  readonly flops: number;
  /** Audio of the training and validation songs, in seconds. */
  readonly audioS: number;
  /** Bytes of one checkpoint: adapter and optimizer state. */
  readonly checkpointBytes: number;
  /** How long it would take, where it was asked to be measured. */
  readonly speed: { readonly secondsPerStep: number; readonly expectedS: number } | undefined;
}

export interface PlanOptions {
  /** Make a few steps in memory to tell how long the run will take: the weights are then read. */
  readonly measure?: boolean;
}

/**
 * What a training run would come to: songs, steps, exact memory and work. Only headers and the manifest are read, unless
 * the speed is to be measured; nothing is written.
 *
 * @throws {AceError} whatever `train` would refuse of configuration, model and songs.
 */
export function planRun(config: TrainConfigInput, options: PlanOptions = {}): Promise<PlannedRun> {
  return planRunWith({ native, openSamples: openTensorSamples }, config, options);
}

/** {@link planRun} on given parts. */
export async function planRunWith(
  parts: { readonly native: NativePort; readonly openSamples: OpenSamples },
  input: TrainConfigInput,
  { measure = false }: PlanOptions = {},
): Promise<PlannedRun> {
  const checked = await checkRun(parseConfig(input), parts);
  const { config, device, samples, steps, memory } = checked;
  return {
    ...steps,
    config,
    device: device.info,
    memory,
    flops: memory.flopsPerMicroBatch * steps.batchesPerEpoch * (steps.steps / steps.stepsPerEpoch),
    audioS: samples.songs.reduce((sum, { frames }) => sum + frames, 0) / framesPerSecond,
    checkpointBytes: memory.adapterBytes + memory.optimizerBytes,
    speed: measure ? await measureSpeed(checked) : undefined,
  };
}
