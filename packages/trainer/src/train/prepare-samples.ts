import { basename, join } from "node:path";
import { writeFileAtomic, type ModelConfig, type SampleRequest } from "@acewright/core-native";
import type { AudioTags } from "@acewright/dataset";
import type { ResolvedConfig } from "../config/train-config.js";
import { parseWith } from "../config/parse-with.js";
import { planSongs, slug } from "../generate/generate.js";
import { readPrompts } from "../generate/prompts-file.js";
import { samplingFor } from "../generate/sampling.js";
import { GenerateSettings } from "../generate/settings.js";
import { songTags } from "../generate/song-tags.js";
import type { Split } from "../plan/validation.js";
import { fileError, type Files } from "../run/files.js";
import { runPaths } from "../run/run-paths.js";
import type { SampleSource } from "../sample-source.js";
import type { SongMaker } from "../song-maker.js";

/** Half a minute is enough to hear what was learnt. */
const defaultDurationS = 30;
const mostFrames = 750;

/** A song that is made again and again: always the same words and noise, so that what changes is the adapter. */
export interface RepeatedSong {
  /** Behind the step in the file's name. */
  readonly name: string;
  readonly request: SampleRequest;
  /** Of what is made, so many frames are kept. */
  readonly frames: number;
  readonly tags: AudioTags;
  /** There where a prompts file asks for it: its place from 1, and its words. */
  readonly prompt?: { readonly number: number; readonly caption: string };
}

/** The songs of a run's samples, their words as numbers, and what was odd about them. */
export interface PreparedSamples {
  readonly songs: readonly RepeatedSong[];
  /** Every choice of the prompts written out; undefined where the run has no prompts file. */
  readonly prompts: readonly GenerateSettings[] | undefined;
  readonly warnings: readonly string[];
}

/**
 * What a run sings: its prompts file, or else the words of the first validation (or training) song. The encoders run here,
 * before the music model is opened, and are closed again.
 *
 * @throws {AceError} ERR_CONFIG naming file, line and field
 */
export async function prepareSamples(
  config: ResolvedConfig,
  { model, samples, split }: { model: ModelConfig; samples: SampleSource; split: Split },
  songMaker: SongMaker,
  files: Files,
): Promise<PreparedSamples> {
  if (config.samplePrompts === undefined) {
    return { songs: [await songOfDataset(config, model, samples, split)], prompts: undefined, warnings: [] };
  }
  const prompts = promptsOf(config, config.samplePrompts, files);
  const { samples: prepared, warnings } = await songMaker.prepare(prompts, model);
  const songs = prepared.map(({ request, frames }, index): RepeatedSong => {
    const settings = prompts[index] as GenerateSettings;
    const number = index + 1;
    return {
      name: `-${String(number).padStart(2, "0")}-${slug(settings.caption)}`,
      request,
      frames,
      tags: songTags(settings, samplingFor(settings, model, config.model), basename(config.model), []),
      prompt: { number, caption: settings.caption },
    };
  });
  return { songs, prompts, warnings };
}

/** A run that goes on sings what it began with, whatever has become of the file. */
function promptsOf(config: ResolvedConfig, file: string, files: Files): GenerateSettings[] {
  const kept = promptsCopy(config.output);
  if (!files.existsSync(kept)) {
    return planSongs(readPrompts(file), { seed: config.seed, durationS: defaultDurationS });
  }
  const stored = JSON.parse(Buffer.from(files.readFileSync(kept)).toString("utf8")) as unknown[];
  return stored.map((song, index) => parseWith(GenerateSettings, song, `${kept}, song ${index + 1}`));
}

/** Keeps the prompts for a resume. */
export function keepPrompts(run: string, prompts: readonly GenerateSettings[], files: Files): void {
  const { samples } = runPaths(run);
  try {
    files.mkdirSync(samples, { recursive: true });
  } catch (cause) {
    throw fileError(cause, samples, "making the folder for samples");
  }
  const file = promptsCopy(run);
  if (!files.existsSync(file)) writeFileAtomic(file, `${JSON.stringify(prompts, null, 2)}\n`);
}

function promptsCopy(run: string): string {
  return join(runPaths(run).samples, "prompts.json");
}

async function songOfDataset(
  config: ResolvedConfig,
  model: ModelConfig,
  samples: SampleSource,
  split: Split,
): Promise<RepeatedSong> {
  const song = await samples.read(split.validation[0] ?? split.training[0] ?? 0);
  const frames = Math.min(mostFrames, song.latents.length / model.latentChannels);
  const { times, guidance } = samplingFor({}, model, config.model);
  return {
    name: "",
    request: {
      condition: song.conditions[0] ?? new Float32Array(),
      contextLatents: song.contextLatents.slice(0, frames * 2 * model.latentChannels),
      seed: config.seed,
      times,
      method: "ode",
      guidance,
    },
    frames,
    tags: { SEED: String(config.seed), MODEL: basename(config.model) },
  };
}
