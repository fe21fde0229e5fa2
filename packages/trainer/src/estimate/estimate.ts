import {
  AceError,
  Decoder,
  GradientProbe,
  openCheckpoint,
  openDevice,
  planMemory,
  probeConfig,
  readModelConfig,
  toFloat32,
  type Checkpoint,
  type DeviceName,
  type ModelConfig,
  type TimestepLaw,
} from "@acewright/core-native";
import { attentionProjections, mlpProjections } from "../config/adapter-settings.js";
import { parseWith } from "../config/parse-with.js";
import { framesPerSecond } from "../frames.js";
import { musicModelFolder } from "../native.js";
import { randomBelow, randomStream, shuffle } from "../plan/counter-random.js";
import { chooseRecompute } from "../plan/recompute.js";
import type { OpenSamples, SampleSource } from "../sample-source.js";
import { openTensorSamples } from "../tensor-samples.js";
import { effectiveRank } from "./effective-rank.js";
import { readFisherMap, writeFisherMap } from "./fisher-map.js";
import { assignRanks, chooseModules, parametersOf, type ModuleScore, type RankedModule } from "./ranks.js";
import { Scores } from "./scores.js";
import { EstimateSettings, type EstimateSettingsInput } from "./settings.js";

export interface EstimateProgress {
  readonly phase: "gradients" | "spectrum";
  readonly done: number;
  readonly total: number;
}

export interface EstimateOptions {
  /** Ends the estimation after the batch in hand; what was measured so far is given, nothing is written. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EstimateProgress) => void;
}

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

const targetModules = [...attentionProjections, ...mlpProjections];

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
  const file = writeFisherMap(settings.tensors, mapOf(settings, { samples, model, ...ranked }));
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

interface Ground {
  readonly settings: EstimateSettings;
  readonly samples: SampleSource;
  readonly folder: string;
  readonly model: ModelConfig;
}

/** Runs over the songs, one song a pass; a song is on the device only from when it is first looked at. */
async function measure(ground: Ground, { signal, onProgress }: EstimateOptions): Promise<Scores> {
  const { settings, samples } = ground;
  const runs = settings.runs ?? (samples.songs.length <= 10 ? 2 : 3);
  const batches = Math.min(samples.songs.length, settings.batches ?? 50);
  const scores = new Scores();
  if (samples.songs.length < 5)
    scores.warnings.push(
      `${samples.songs.length} songs say little: ranks may follow chance; five or more are better`,
    );
  const isStopped = () => signal?.aborted === true;
  if (isStopped()) return scores;
  const probe = await openProbe(ground);
  try {
    const handles = new Map<number, number>();
    const handleOf = async (song: number) => {
      const handle = handles.get(song) ?? (await probe.addSample(await samples.read(song)));
      handles.set(song, handle);
      return handle;
    };
    for (let run = 0; run < runs; run++) {
      const songs = shuffle(
        samples.songs.map((_, song) => song),
        randomStream(settings.seed + run, "order"),
      ).slice(0, batches);
      scores.beginRun();
      for (const [batch, song] of songs.entries()) {
        if (isStopped()) return scores;
        const step = run * batches + batch;
        const crop = cropOf(settings, samples.songs[song]?.frames ?? 0, step);
        const reading = await probe.measure({ sample: await handleOf(song), key: song, ...crop }, step);
        if (!scores.add(reading))
          scores.warnings.push(
            `${samples.songs[song]?.id ?? song}: its loss or gradient is not finite; left out`,
          );
        onProgress?.({ phase: "gradients", done: step + 1, total: runs * batches });
        if (settings.patience > 0 && scores.keptOrder >= settings.patience) break;
      }
    }
    return scores;
  } finally {
    probe.close();
  }
}

async function openProbe({ settings, samples, folder, model }: Ground): Promise<ClosableProbe> {
  const device = openDevice(
    settings.device as DeviceName,
    settings.threads === undefined ? {} : { threads: settings.threads },
  );
  const kind = device.info.name === "cpu" ? "cpu" : "cuda";
  const longest = samples.songs.reduce((most, { frames }) => Math.max(most, frames), 0);
  const tokens = samples.songs.flatMap(({ conditionTokens }) => conditionTokens);
  const choice = await chooseRecompute(settings.recompute, device.info, {
    request: {
      batch: 1,
      frames: cropFramesOf(settings, longest),
      conditionTokens: tokens.reduce((most, count) => Math.max(most, count), 0),
      adapter: probeConfig(targetModules),
      buckets,
    },
    plan: (request) => planMemory(folder, request, { device, kind }),
  });
  if (!choice.fits && (kind === "cuda" || choice.memory.totalBytes > device.info.memoryBytes))
    throw new AceError("ERR_OUT_OF_MEMORY", choice.reason);
  const decoder = await Decoder.open(folder, { device });
  try {
    const probe = await GradientProbe.open(decoder, {
      targetModules,
      seed: settings.seed,
      timesteps: lawOf(settings.timestepFocus, model),
      timestepRounding: "exact",
      recompute: choice.policy,
      buckets,
    });
    return {
      addSample: (sample) => probe.addSample(sample),
      measure: (ref, step) => probe.measure(ref, step),
      close: () => {
        probe.close();
        decoder.close();
      },
    };
  } catch (error) {
    decoder.close();
    throw error;
  }
}

type ClosableProbe = Pick<GradientProbe, "addSample" | "measure" | "close">;

const buckets = { decoderTokens: 64, conditionTokens: 32 };

function cropFramesOf({ cropSeconds }: EstimateSettings, frames: number): number {
  return cropSeconds === undefined
    ? frames
    : Math.min(frames, Math.max(2, Math.round(cropSeconds * framesPerSecond)));
}

function cropOf(settings: EstimateSettings, frames: number, step: number): { start: number; frames: number } {
  const crop = cropFramesOf(settings, frames);
  return { start: randomBelow(randomStream(settings.seed, "crop", step), frames - crop + 1), frames: crop };
}

const focuses: Readonly<Record<string, readonly [number, number]>> = {
  texture: [0, 0.4],
  structure: [0.6, 1],
};

function lawOf(focus: string, { timestepMu: mu, timestepSigma: sigma }: ModelConfig): TimestepLaw {
  if (focus === "balanced") return { law: "logit-normal-max2", mu, sigma };
  const [low = 0, high = 1] = focuses[focus] ?? focus.split(",").map(Number);
  return { law: "uniform", low, high };
}

function weightName(module: string): string {
  return `decoder.${module}.weight`;
}

function shapeOf(checkpoint: Checkpoint, module: string): { out: number; in: number } {
  const [out = 0, input = 0] = checkpoint.tensors.get(weightName(module))?.shape ?? [];
  return { out, in: input };
}

/** What an earlier map says of the same checkpoint's spectrum, which does not change. */
function knownRanks({ tensors }: EstimateSettings, model: ModelConfig): ReadonlyMap<string, number> {
  let map: ReturnType<typeof readFisherMap>;
  try {
    map = readFisherMap(tensors);
  } catch (error) {
    // A damaged map is about to be replaced by this estimation's.
    if (error instanceof AceError && error.code === "ERR_FILE") return new Map();
    throw error;
  }
  if (map?.acewright?.model !== model.fingerprint) return new Map();
  return new Map(
    (map.modules ?? []).flatMap(({ name, effective_rank }) =>
      effective_rank === undefined ? [] : [[name, effective_rank]],
    ),
  );
}

async function withSpectrum(
  modules: readonly ModuleScore[],
  { checkpoint, known }: { readonly checkpoint: Checkpoint; readonly known: ReadonlyMap<string, number> },
  { signal, onProgress }: EstimateOptions,
): Promise<readonly ModuleScore[]> {
  const out: ModuleScore[] = [];
  for (const [done, module] of modules.entries()) {
    if (signal?.aborted === true) return modules;
    const rank =
      known.get(module.name) ??
      (await effectiveRank(toFloat32(checkpoint.read(weightName(module.name))), module.out, module.in));
    out.push({ ...module, effectiveRank: rank });
    onProgress?.({ phase: "spectrum", done: done + 1, total: modules.length });
  }
  return out;
}

/** Version 2 of the format that Side-Step reads and writes, and under `acewright` who it was made for. */
function mapOf(
  settings: EstimateSettings,
  made: Pick<Estimate, "modules" | "chosen" | "runs" | "batches"> & {
    samples: SampleSource;
    model: ModelConfig;
  },
) {
  const { samples, model, chosen } = made;
  const ranks = new Map(chosen.map(({ name, rank }) => [name, rank]));
  const law = lawOf(settings.timestepFocus, model);
  return {
    version: 2 as const,
    model_variant: samples.madeWith.name,
    timestep_focus: settings.timestepFocus,
    timestep_range: law.law === "uniform" ? [law.low, law.high] : [0, 1],
    timestep_params: { mu: model.timestepMu, sigma: model.timestepSigma, data_proportion: 1 },
    num_runs: made.runs,
    batches_per_run: Math.ceil(made.batches / made.runs),
    total_batches: made.batches,
    base_rank: settings.rank,
    rank_budget: { min: settings.rankMin, max: settings.rankMax },
    dataset_hash: samples.hash.slice(0, 12),
    target_modules: chosen.map(({ name }) => name),
    rank_pattern: Object.fromEntries(ranks),
    alpha_pattern: Object.fromEntries(chosen.map(({ name, rank }) => [name, 2 * rank])),
    modules: made.modules.map(
      ({ name, fisherScore, crossRunStd, effectiveRank: effective, sensitivity }) => ({
        name,
        fisher_score: fisherScore,
        fisher_cross_run_std: crossRunStd,
        ...(effective !== undefined && { effective_rank: effective }),
        ...(ranks.has(name) && { assigned_rank: ranks.get(name) }),
        sensitivity,
      }),
    ),
    excluded_modules: made.modules.flatMap(({ name }) => (ranks.has(name) ? [] : [name])),
    hidden_size: model.hiddenSize,
    num_hidden_layers: model.layers,
    acewright: { model: model.fingerprint, dataset: samples.hash },
  };
}
