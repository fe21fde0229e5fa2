import { AceError, type DeviceInfo, type DeviceName, type MemoryPlan } from "@acewright/core-native";
import { checkRun, checkRunOn, type CheckedRun } from "./check-run.js";
import type { ResolvedConfig, TrainConfig, TrainConfigInput } from "./config/train-config.js";
import type { NativePort, PlanningPort } from "./native-port.js";
import { measureSpeed } from "./measure-speed.js";
import { native } from "./native.js";
import { parseConfig } from "./config/parse-config.js";
import type { RecomputeChoice } from "./plan/recompute.js";
import { framesPerSecond } from "./frames.js";
import type { StepsPlan } from "./run-plan.js";
import { openSongs } from "./regularization.js";
import type { OpenSamples } from "./sample-source.js";
import { openTensorSamples } from "./tensor-samples.js";

/** What a run would come to, told before anything is trained or written. */
export interface PlannedRun extends StepsPlan {
  /** Every choice written out. */
  readonly config: ResolvedConfig;
  readonly device: DeviceInfo;
  /** Exact bytes by part; activations are those of the largest batch. */
  readonly memory: MemoryPlan;
  /** The policy chosen, and whether the run fits the device's free memory. */
  readonly recompute: RecomputeChoice;
  /** Matrix work of the whole run in floating-point operations, if every batch were the largest: an upper bound. */
  readonly flops: number;
  /** Audio of the training and validation songs, in seconds. */
  readonly audioS: number;
  /** Bytes of one checkpoint, adapter and optimizer state, at most. */
  readonly checkpointBytes: number;
  /** How long it would take, where it was asked to be measured. */
  readonly speed: { readonly secondsPerStep: number; readonly expectedS: number } | undefined;
  /** What `train` would warn of: ranks taken from an estimation, songs of another checkpoint. */
  readonly warnings: readonly string[];
}

export interface PlanOptions {
  /** Make a few steps in memory to tell how long the run will take: the weights are then read. */
  readonly measure?: boolean;
  /** Plan for a device of this memory, which need not be here: `device` then says of which kind. */
  readonly memoryBytes?: number;
}

/**
 * What a training run would come to: songs, steps, exact memory and work. Only headers and the manifest are read, unless
 * the speed is to be measured; nothing is written.
 *
 * @throws {AceError} whatever `train` would refuse of configuration, model and songs; that it does not fit is told in
 *   `recompute` instead.
 */
export function planRun(config: TrainConfigInput, options: PlanOptions = {}): Promise<PlannedRun> {
  return planRunWith({ native, openSamples: openTensorSamples }, config, options);
}

/** {@link planRun} on given parts. */
export async function planRunWith(
  parts: { readonly native: NativePort; readonly openSamples: OpenSamples },
  input: TrainConfigInput,
  { measure = false, memoryBytes }: PlanOptions = {},
): Promise<PlannedRun> {
  const given = parseConfig(input);
  if (memoryBytes !== undefined) {
    if (measure)
      throw new AceError("ERR_CONFIG", "measure: the speed of another machine cannot be measured here");
    const assumed = deviceFor(parts.native, given, memoryBytes);
    return plannedRun(await checkRunOn(assumed, given, await openSongs(parts.openSamples, given)), undefined);
  }
  const checked = await checkRun(given, parts);
  return plannedRun(checked, measure ? await measureSpeed(checked) : undefined);
}

/** The device a run is planned for: the one at hand, or one of a memory that was named. */
export function deviceFor(
  core: NativePort,
  { device, threads }: Pick<TrainConfig, "device" | "threads">,
  memoryBytes: number | undefined,
): PlanningPort {
  if (memoryBytes === undefined) return core.openDevice(device as DeviceName, threads);
  const named = device === "auto" ? core.openDevice(device, threads).info.name : device;
  return core.assumeDevice(named === "cpu" ? "cpu" : "cuda", memoryBytes, threads);
}

/** What is told of a checked run. */
export function plannedRun(checked: CheckedRun<PlanningPort>, speed: PlannedRun["speed"]): PlannedRun {
  const { config, device, samples, steps, memory, recompute, warnings } = checked;
  return {
    ...steps,
    config,
    device: device.info,
    memory,
    recompute,
    flops: memory.flopsPerMicroBatch * steps.batchesPerEpoch * (steps.steps / steps.stepsPerEpoch),
    audioS: samples.songs.reduce((sum, { frames }) => sum + frames, 0) / framesPerSecond,
    checkpointBytes: memory.adapterBytes + memory.optimizerBytes,
    speed,
    warnings,
  };
}
