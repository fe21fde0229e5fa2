import {
  AceError,
  Decoder,
  GradientProbe,
  openDevice,
  planMemory,
  probeConfig,
  type DeviceName,
  type ModelConfig,
  type TimestepLaw,
} from "@acewright/core-native";
import { attentionProjections, mlpProjections } from "../config/adapter-settings.js";
import { framesPerSecond } from "../frames.js";
import { randomBelow, randomStream, shuffle } from "../plan/counter-random.js";
import { chooseRecompute } from "../plan/recompute.js";
import type { SampleSource } from "../sample-source.js";
import { Scores } from "./scores.js";
import type { EstimateSettings } from "./settings.js";

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

const targetModules = [...attentionProjections, ...mlpProjections];

/** What an estimation stands on: the songs and the model, checked to fit. */
export interface Ground {
  readonly settings: EstimateSettings;
  readonly samples: SampleSource;
  readonly folder: string;
  readonly model: ModelConfig;
}

/** Runs over the songs, one song a pass; a song is on the device only from when it is first looked at. */
export async function measure(ground: Ground, { signal, onProgress }: EstimateOptions): Promise<Scores> {
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
    layers: model.layers,
    request: {
      batch: 1,
      frames: cropFramesOf(settings, longest),
      conditionTokens: tokens.reduce((most, count) => Math.max(most, count), 0),
      adapter: probeConfig(targetModules),
      buckets,
    },
    plan: (request) => planMemory(folder, request, { device, kind }),
  });
  if (choice.verdict === "red") throw new AceError("ERR_OUT_OF_MEMORY", choice.reason);
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

/** The law of the timesteps that an estimation looks at. */
export function lawOf(focus: string, { timestepMu: mu, timestepSigma: sigma }: ModelConfig): TimestepLaw {
  if (focus === "balanced") return { law: "logit-normal-max2", mu, sigma };
  const [low = 0, high = 1] = focuses[focus] ?? focus.split(",").map(Number);
  return { law: "uniform", low, high };
}
