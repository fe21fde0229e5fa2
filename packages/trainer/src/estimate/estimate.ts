import { AceError, openCheckpoint, readModelConfig, type ModelConfig } from "@acewright/core-native";
import { parseWith } from "../config/parse-with.js";
import { musicModelFolder } from "../native.js";
import type { OpenSamples, SampleSource } from "../sample-source.js";
import { openTensorSamples } from "../tensor-samples.js";
import { writeFisherMap } from "./fisher-map.js";
import { makeFisherMap } from "./make-fisher-map.js";
import { measure, type EstimateOptions } from "./measure.js";
import { assignRanks, chooseModules, parametersOf, type ModuleScore, type RankedModule } from "./ranks.js";
import { EstimateSettings, type EstimateSettingsInput } from "./settings.js";
import { knownRanks, shapeOf, withSpectrum } from "./spectrum.js";

export interface Estimate {
  /** All modules, the most important first. */
  readonly modules: readonly ModuleScore[];
  /** By decoder layer: mean over the batches of the L2 norm of its modules' gradients together. */
  readonly layers: readonly number[];
  /** The modules worth adapting, with their ranks. */
  readonly chosen: readonly RankedModule[];
  /** Trainable parameters of a LoRA with these ranks. */
  readonly parameters: number;
  readonly batches: number;
  readonly runs: number;
  /** Where the map was written; absent where the estimation was stopped. */
  readonly file?: string;
  readonly interrupted: boolean;
  readonly warnings: readonly string[];
}

/**
 * Measures how strongly every linear of the decoder pulls on the loss over the songs (the empirical Fisher information at
 * batch 1), gives the modules worth adapting a rank each, and writes `fisher_map.json` into the tensors folder, where
 * `train` finds it.
 *
 * @throws {AceError} ERR_CONFIG, ERR_FILE, ERR_CHECKPOINT, ERR_SHAPE, ERR_DEVICE, ERR_OUT_OF_MEMORY
 * @example
 * const { chosen } = await estimate({ tensors: "tensors", model: "acestep-v15-turbo" });
 * for (const { name, rank } of chosen) console.log(name, rank);
 */
export function estimate(settings: EstimateSettingsInput, options: EstimateOptions = {}): Promise<Estimate> {
  return estimateWith(openTensorSamples, settings, options);
}

/** {@link estimate} on given songs. */
export async function estimateWith(
  openSamples: OpenSamples,
  input: EstimateSettingsInput,
  options: EstimateOptions = {},
): Promise<Estimate> {
  const settings = parseWith(EstimateSettings, input, "estimate");
  const samples = await openSamples(settings.tensors);
  const folder = musicModelFolder(settings.model);
  const model = readModelConfig(folder);
  refuseUnfit(settings, samples, model);
  const scores = await measure({ settings, samples, folder, model }, options);
  if (scores.batches === 0) {
    if (options.signal?.aborted !== true)
      throw new AceError(
        "ERR_CONFIG",
        `${settings.tensors}: no song gave a finite gradient; look at them with \`acewright tensors inspect\``,
      );
    return { ...nothing, warnings: scores.warnings };
  }
  const checkpoint = openCheckpoint(folder);
  const measured = scores.modules((module) => shapeOf(checkpoint, module));
  const modules = settings.spectrum
    ? await withSpectrum(measured, { checkpoint, known: knownRanks(settings, model) }, options)
    : measured;
  const result = {
    modules,
    layers: scores.layers(model.layers),
    batches: scores.batches,
    runs: scores.runs,
    warnings: scores.warnings,
  };
  const chosen = assignRanks(chooseModules(modules), settings);
  if (chosen === undefined) {
    throw new AceError(
      "ERR_CONFIG",
      `parameterBudget ${settings.parameterBudget ?? 0} is less than the chosen modules take at rankMin ${settings.rankMin}; lower rankMin or raise the budget`,
    );
  }
  const ranked = { ...result, chosen, parameters: parametersOf(chosen) };
  if (options.signal?.aborted === true) return { ...ranked, interrupted: true };
  const file = writeFisherMap(settings.tensors, makeFisherMap(settings, { samples, model, ...ranked }));
  return { ...ranked, file, interrupted: false };
}

const nothing = {
  modules: [],
  layers: [],
  chosen: [],
  parameters: 0,
  batches: 0,
  runs: 0,
  interrupted: true,
};

function refuseUnfit(settings: EstimateSettings, samples: SampleSource, model: ModelConfig): void {
  if (samples.songs.length === 0)
    throw new AceError("ERR_FILE", `${settings.tensors}: holds no songs; run \`acewright preprocess\` first`);
  if (samples.encoderHiddenSize !== model.encoderHiddenSize) {
    throw new AceError(
      "ERR_SHAPE",
      `${settings.tensors}: encoder_hidden_states are ${samples.encoderHiddenSize} wide, the model ${settings.model} expects ${model.encoderHiddenSize}; preprocess the songs with this model`,
    );
  }
}
