import { AceError, type DeviceName, type MemoryPlan, type ModelConfig } from "@acewright/core-native";
import type { ResolvedConfig, TrainConfig } from "./config/train-config.js";
import type { DevicePort, NativePort, PlanningPort } from "./native-port.js";
import { withFisherMap } from "./estimate/fisher-map.js";
import { learningRateCourse } from "./plan/learning-rate.js";
import { chooseRecompute, type RecomputeChoice } from "./plan/recompute.js";
import type { Split } from "./plan/validation.js";
import { unreachedSettings } from "./config/unreached-settings.js";
import { unusedSettings } from "./config/unused-settings.js";
import { withStreaming } from "./plan/streaming.js";
import { openSongs } from "./regularization.js";
import { resolveConfig } from "./config/resolve-config.js";
import { largestBatch, mostPlaces, planSteps, songBytes, type StepsPlan } from "./run-plan.js";
import type { OpenSamples, RegularizationSongs, SampleSource } from "./sample-source.js";
import { withWordings } from "./wordings.js";

/** A run that suits its model and its songs, known before weights are read or anything is written. */
export interface CheckedRun<Port extends PlanningPort = DevicePort> {
  /** Every choice written out. */
  readonly config: ResolvedConfig;
  readonly device: Port;
  readonly model: ModelConfig;
  readonly samples: SampleSource;
  readonly split: Split;
  readonly steps: StepsPlan;
  readonly memory: MemoryPlan;
  /** Songs that may lie on the device, where not all of them fit: the others are streamed. */
  readonly residentBytes?: number;
  /** Where it does not fit, a plan may still be told; see {@link refuseTooLarge}. */
  readonly recompute: RecomputeChoice;
  readonly warnings: readonly string[];
}

/**
 * @param takesMap whether modules and ranks that an estimation wrote beside the songs are taken.
 * @throws {AceError} whatever speaks against configuration, device, model and songs.
 */
export async function checkRun(
  given: TrainConfig,
  parts: { readonly native: NativePort; readonly openSamples: OpenSamples },
  takesMap = true,
): Promise<CheckedRun> {
  const samples = await openSongs(parts.openSamples, given);
  return checkRunOn(
    parts.native.openDevice(given.device as DeviceName, given.threads),
    given,
    samples,
    takesMap,
  );
}

/** {@link checkRun} on a device that is open already, or only assumed. */
export async function checkRunOn<Port extends PlanningPort>(
  device: Port,
  given: TrainConfig,
  all: SampleSource,
  takesMap = true,
): Promise<CheckedRun<Port>> {
  const samples = withWordings(all, given);
  const { folder, config: model } = device.readModel(given.model);
  refuseOtherWidth(given, samples, model);
  const around = { device: device.info, model: { folder, config: model }, dataset: samples };
  const { config: ranked, lines } = takesMap
    ? withFisherMap(given, samples, model)
    : { config: given, lines: [] };
  const resolved = resolveConfig(ranked, around);
  const { split, steps } = planSteps(resolved, samples);
  learningRateCourse(resolved, steps); // refuses a formula that goes wrong at any step
  const largestBytes = songBytes(samples).reduce((a, b) => Math.max(a, b), 0);
  const resident = new Map<MemoryPlan, number>();
  const { memory, ...recompute } = await chooseRecompute(resolved.recompute, device.info, {
    layers: model.layers,
    request: largestBatch(resolved, samples, model.layers),
    plan: async (request) => {
      const all = await device.planMemory(folder, request);
      const { memory: plan, residentBytes } = withStreaming(all, device.info, {
        largestBytes,
        batch: request.batch,
      });
      if (residentBytes !== undefined) resident.set(plan, residentBytes);
      return plan;
    },
  });
  const residentBytes = resident.get(memory);
  const config = { ...resolved, recompute: recompute.policy };
  const songFrames = samples.songs.map(({ frames }) => frames);
  const reach = { device: device.info.name, steps, songFrames, places: mostPlaces(resolved, samples) };
  const idle = [...unusedSettings(given), ...unreachedSettings(resolved, reach)];
  const warnings = [...foreignWarnings(given, samples, model), ...lines, ...idle];
  const streaming = residentBytes !== undefined && { residentBytes };
  return { config, device, model, samples, split, steps, memory, ...streaming, recompute, warnings };
}

/**
 * Songs whose conditions another checkpoint made would train an adapter on what its model never says: refused unless it is
 * wanted. Imported songs often do not tell who made them: those are warned of.
 *
 * @throws {AceError} ERR_CHECKPOINT
 */
function foreignWarnings(config: TrainConfig, samples: SampleSource, model: ModelConfig): string[] {
  const { madeWith, regularization } = samples;
  return [
    ...foreignWarning(config, { folder: config.tensors, madeWith }, model),
    ...(regularization === undefined ? [] : foreignWarning(config, regularization, model)),
  ];
}

function foreignWarning(
  config: TrainConfig,
  { folder, madeWith }: Pick<RegularizationSongs, "folder" | "madeWith">,
  model: ModelConfig,
): string[] {
  const { name, fingerprint } = madeWith;
  if (fingerprint === model.fingerprint) return [];
  if (fingerprint === "")
    return [
      `${folder}: the songs were imported, and nobody wrote down that they were made with ${config.model}; import them with --model if they were`,
    ];
  const what = `the songs were preprocessed with ${name}, another checkpoint than ${config.model}`;
  if (config.foreignTensors) return [`${folder}: ${what}`];
  throw new AceError(
    "ERR_CHECKPOINT",
    `${folder}: ${what}; preprocess them again with it (only what differs is made), or train on them all the same (foreignTensors, --foreign-tensors)`,
  );
}

/** How a run is begun that the plan would refuse. */
export interface StartOptions {
  /** Start although the verdict on memory is red. */
  readonly allowTooLarge?: boolean;
}

/**
 * A run that does not fit is refused before it starts, unless it is wanted by name. What is free in main memory is an estimate, which the system can
 * raise: there only a run larger than the machine is refused, others are warned of.
 *
 * @returns a warning, where there is one
 * @throws {AceError} ERR_OUT_OF_MEMORY with what would fit
 */
export function refuseTooLarge(
  { recompute: { fits, verdict, reason } }: CheckedRun,
  { allowTooLarge = false }: StartOptions = {},
): string | undefined {
  if (verdict !== "red") return fits ? undefined : reason;
  if (allowTooLarge) return `${reason}; started all the same, as asked`;
  throw new AceError("ERR_OUT_OF_MEMORY", reason);
}

function refuseOtherWidth(config: TrainConfig, samples: SampleSource, model: ModelConfig): void {
  const { encoderHiddenSize } = model;
  if (samples.songs.length === 0 || samples.encoderHiddenSize === encoderHiddenSize) return;
  throw new AceError(
    "ERR_SHAPE",
    `${config.tensors}: encoder_hidden_states are ${samples.encoderHiddenSize} wide, the model ${config.model} expects ${encoderHiddenSize}; preprocess the songs with this model`,
  );
}
