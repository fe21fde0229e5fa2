import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { AceError, refuseMissingFolder, type DeviceInfo } from "@acewright/core-native";
import { audioContainer, resolveModelFolders, writeAudio } from "@acewright/dataset";
import { parseWith } from "../config/parse-with.js";
import { checkSpan, type AdapterUse } from "./adapter-use.js";
import type { LoadedAdapters } from "./load-adapters.js";
import { normalisePeak } from "./loudness.js";
import { promptRow } from "./prompts-file.js";
import { decodeTakes, renderSongs, type GeneratePart, type RenderOptions } from "./render-songs.js";
import type { Sampling } from "./sampling.js";
import { GenerateSettings, type GenerateSettingsInput, type PromptRow } from "./settings.js";

/** What songs are made with. */
export interface GenerateWith {
  /** Checkpoint folder; VAE and text encoder lie beside it. */
  readonly model: string;
  readonly vae?: string;
  readonly textEncoder?: string;
  readonly adapters?: readonly AdapterUse[];
  /** Checked between the parts of the work; the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (part: GeneratePart, done: number, total: number) => void;
  /** Told once where the music model runs. */
  readonly onDevice?: (device: DeviceInfo) => void;
}

/** Where a song comes from and goes to. */
export interface GenerateOptions extends GenerateWith, GenerateSettingsInput {
  /** `.wav` or `.flac` file to write. */
  readonly output: string;
  /** Whether a file of that name may be replaced; default true. */
  readonly replace?: boolean;
}

/** A song that was made. */
export interface MadeSong {
  readonly file: string;
  readonly durationS: number;
  readonly settings: GenerateSettings;
  readonly sampling: Sampling;
  /** Peak before it was brought to -1 dB of full scale. */
  readonly peak: number;
}

/** What was made, and with what. */
export interface GenerateResult extends MadeSong {
  readonly adapters: LoadedAdapters["reports"];
  /** What was cut of the prompt, and what is odd about the adapters, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Makes a song from words: caption and lyrics to conditions, noise to latents, latents to a 48 kHz stereo WAV or FLAC file.
 *
 * @throws {AceError} ERR_CONFIG, ERR_FILE, ERR_CHECKPOINT (an adapter of another model), ERR_DEVICE, ERR_OUT_OF_MEMORY;
 *   nothing is written then.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const { output, replace = true, ...rest } = options;
  const [settings, others] = splitOptions(rest);
  const song = parseWith(GenerateSettings, settings, "generate");
  audioContainer(output, song.format);
  refuseMissingFolder(output);
  if (!replace) refuseExisting([output]);
  const { songs, adapters, warnings } = await render(others, [{ song, file: output }]);
  const [made] = songs;
  if (made === undefined) throw new AceError("ERR_INTERNAL", "generate: no song was made");
  return { ...made, adapters, warnings };
}

/** Many songs at once, into a folder. */
export interface GenerateSongsOptions extends GenerateWith, Omit<GenerateSettingsInput, "caption"> {
  /** What each song is made from, over the settings of all; see `readPrompts`. */
  readonly prompts: readonly PromptRow[];
  /** Every prompt is sung with each of these; its own seed, or the one of all, by default. */
  readonly seeds?: readonly number[];
  readonly container?: "wav" | "flac";
  /** Folder for the files, `01-slow-bells-seed42.wav` and so on; made where it is missing. */
  readonly output: string;
  /** Whether files of those names may be replaced; default true. */
  readonly replace?: boolean;
}

export interface GenerateSongsResult {
  readonly songs: readonly MadeSong[];
  readonly adapters: LoadedAdapters["reports"];
  readonly warnings: readonly string[];
}

/**
 * Makes all songs of a list with one opening of each network. Files are written as they are decoded.
 *
 * @throws {AceError} as {@link generate}; before anything is made where a row or setting is wrong.
 */
export async function generateSongs(options: GenerateSongsOptions): Promise<GenerateSongsResult> {
  const { prompts, seeds, container = "wav", output, replace = true, ...rest } = options;
  const [settings, others] = splitOptions(rest);
  const planned = planSongs(prompts, settings, seeds).map((song, index, { length }) => {
    const place = String(index + 1).padStart(Math.max(2, String(length).length), "0");
    const file = join(output, `${place}-${slug(song.caption)}-seed${song.seed}.${container}`);
    audioContainer(file, song.format);
    return { song, file };
  });
  if (planned.length === 0) throw new AceError("ERR_CONFIG", "prompts: expected at least one song");
  if (!replace) refuseExisting(planned.map(({ file }) => file));
  mkdirSync(output, { recursive: true });
  return await render(others, planned);
}

/** Rows over the settings of all, times the seeds. */
export function planSongs(
  prompts: readonly PromptRow[],
  settings: object,
  seeds?: readonly number[],
): GenerateSettings[] {
  return prompts.flatMap((row, index) => {
    const source = `song ${index + 1}`;
    const song = { ...settings, ...promptRow(row, source) };
    return (seeds ?? [undefined]).map((seed) =>
      parseWith(GenerateSettings, seed === undefined ? song : { ...song, seed }, source),
    );
  });
}

/** Up to five words of a caption that any file system takes. */
export function slug(caption: string): string {
  const words = caption
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  return (words ?? ["song"]).slice(0, 5).join("-").slice(0, 40);
}

/** Settings of the schema apart from what is asked beside it. */
export function splitOptions<T extends GenerateWith>(
  options: T,
): [Omit<T, keyof GenerateWith>, GenerateWith] {
  const { model, vae, textEncoder, adapters, signal, onProgress, onDevice, ...settings } = options;
  return [
    settings,
    {
      model,
      ...(vae !== undefined && { vae }),
      ...(textEncoder !== undefined && { textEncoder }),
      ...(adapters !== undefined && { adapters }),
      ...(signal !== undefined && { signal }),
      ...(onProgress !== undefined && { onProgress }),
      ...(onDevice !== undefined && { onDevice }),
    },
  ];
}

async function render(
  { model, vae, textEncoder, adapters = [], signal, onProgress, onDevice }: GenerateWith,
  planned: readonly { readonly song: GenerateSettings; readonly file: string }[],
): Promise<GenerateSongsResult> {
  for (const use of adapters) checkSpan(use);
  const songs = planned.map(({ song }) => song);
  const { device = "auto", threads } = songs[0] ?? {};
  const options: RenderOptions = {
    folders: resolveModelFolders(model, { vae, textEncoder }),
    songs,
    voices: [adapters],
    device,
    threads,
    signal,
    onProgress,
    onDevice,
  };
  const rendered = await renderSongs(options);
  signal?.throwIfAborted();
  const made: MadeSong[] = [];
  for await (const { take, wave } of decodeTakes(rendered.takes, options)) {
    const { settings, sampling, tags } = take;
    const file = planned[take.song]?.file ?? "";
    const peak = normalisePeak(wave);
    await writeAudio(file, wave, 48_000, { format: settings.format, tags, signal });
    made.push({ file, durationS: wave[0].length / 48_000, settings, sampling, peak });
  }
  return { songs: made, adapters: rendered.adapters[0] ?? [], warnings: rendered.warnings };
}

/**
 * Told before an hour's work.
 *
 * @throws {AceError} ERR_FILE
 */
export function refuseExisting(files: readonly string[]): void {
  const there = files.filter((file) => existsSync(file));
  const [first] = there;
  if (first === undefined) return;
  const others = there.length > 1 ? ` (and ${there.length - 1} more)` : "";
  throw new AceError(
    "ERR_FILE",
    `${first}: exists already${others}; choose another name, or replace it (replace, --replace)`,
  );
}
