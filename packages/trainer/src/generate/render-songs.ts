import { basename } from "node:path";
import {
  Decoder,
  openDevice,
  Sampler,
  type Device,
  type DeviceInfo,
  type DeviceName,
} from "@acewright/core-native";
import {
  readSilenceLatent,
  resolveEncoderDevice,
  VaeDecoder,
  type AudioTags,
  type ModelFolders,
} from "@acewright/dataset";
import type { AdapterUse } from "./adapter-use.js";
import { encodeSongs } from "./conditions.js";
import { loadAdapters, type LoadedAdapters } from "./load-adapters.js";
import { framesOf, sampleRequest, samplingFor, type Sampling } from "./sampling.js";
import type { GenerateSettings } from "./settings.js";
import { songTags } from "./song-tags.js";

/** The parts of the work, in order. */
export type GeneratePart = "prompt" | "sample" | "decode";

/** What all songs of one call have in common. */
export interface RenderOptions {
  readonly folders: ModelFolders;
  readonly songs: readonly GenerateSettings[];
  /** Every song is made with each of these sets of adapters. */
  readonly voices: readonly (readonly AdapterUse[])[];
  readonly device: string;
  readonly threads: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((part: GeneratePart, done: number, total: number) => void) | undefined;
  readonly onDevice?: ((device: DeviceInfo) => void) | undefined;
}

/** One song with one set of adapters, as latents. */
export interface Take {
  readonly song: number;
  readonly voice: number;
  readonly settings: GenerateSettings;
  readonly sampling: Sampling;
  /** [frames, 64], the asked length. */
  readonly latents: Float32Array;
  readonly tags: AudioTags;
}

export interface Rendered {
  /** All voices of the first song, then of the second. */
  readonly takes: readonly Take[];
  readonly adapters: readonly LoadedAdapters["reports"][];
  readonly warnings: readonly string[];
}

/**
 * Words to latents: the encoders are opened first and closed before the music model is, so that no two of them are in
 * memory at a time. Decode with {@link decodeTakes}.
 */
export async function renderSongs(options: RenderOptions): Promise<Rendered> {
  const { folders, songs, threads, signal, onProgress } = options;
  const device = openDevice(options.device as DeviceName, threads === undefined ? {} : { threads });
  options.onDevice?.(device.info);
  onProgress?.("prompt", 0, songs.length);
  const { words, warnings } = await encodeSongs(folders, songs, {
    device,
    network: networkDevice(options.device),
    threads,
    signal,
    onSong: (done, total) => onProgress?.("prompt", done, total),
  });
  signal?.throwIfAborted();
  const sampled = await sampleAll(options, device, words);
  return { ...sampled, warnings: [...warnings, ...sampled.warnings] };
}

async function sampleAll(
  { folders, songs, voices, signal, onProgress }: RenderOptions,
  device: Device,
  words: Awaited<ReturnType<typeof encodeSongs>>["words"],
): Promise<Rendered> {
  const silence = readSilenceLatent(folders.model);
  const decoder = await Decoder.open(folders.model, { device });
  const takes: Take[] = [];
  const adapters: Rendered["adapters"][number][] = [];
  const warnings = new Set<string>();
  try {
    const model = decoder.config;
    const samplings = songs.map((song) => samplingFor(song, model, folders.model));
    const stepsPerVoice = samplings.reduce((sum, { steps }) => sum + steps, 0);
    let before = 0;
    for (const [voice, uses] of voices.entries()) {
      signal?.throwIfAborted();
      const loaded = await loadAdapters(
        decoder,
        uses,
        songs.map(({ caption }) => caption),
      );
      // Not `using`: Node 20 has no such word, and tests run these sources as they stand.
      let sampler: Sampler | undefined;
      try {
        adapters.push(loaded.reports);
        for (const remark of loaded.remarks) warnings.add(remark);
        sampler = new Sampler(decoder, loaded.uses);
        for (const [song, settings] of songs.entries()) {
          signal?.throwIfAborted();
          const sampling = samplings[song] ?? samplingFor(settings, model, folders.model);
          const request = sampleRequest(
            settings,
            sampling,
            words[song] ?? { condition: new Float32Array() },
            silence,
          );
          const latents = await sampler.sample(request, (done) =>
            onProgress?.("sample", before + done, stepsPerVoice * voices.length),
          );
          before += sampling.steps;
          takes.push({
            song,
            voice,
            settings,
            sampling,
            latents: latents.subarray(0, framesOf(settings) * silence.channels),
            tags: songTags(settings, sampling, basename(folders.model), uses),
          });
        }
      } finally {
        sampler?.close();
        loaded.close();
      }
    }
  } finally {
    decoder.close();
  }
  takes.sort((a, b) => a.song - b.song || a.voice - b.voice);
  return { takes, adapters, warnings: [...warnings] };
}

/** Latents to waves, one after the other in their order; the network is open only meanwhile. */
export async function* decodeTakes(
  takes: readonly Take[],
  { folders, device, threads, signal, onProgress }: RenderOptions,
): AsyncGenerator<{ readonly take: Take; readonly wave: [Float32Array, Float32Array] }> {
  const network = await resolveEncoderDevice(networkDevice(device));
  const vae = await VaeDecoder.open(folders.vae, { device: network, threads });
  try {
    const total = takes.reduce((sum, { settings }) => sum + framesOf(settings), 0);
    let before = 0;
    for (const take of takes) {
      const wave = await vae.decode(take.latents, {
        ...(signal !== undefined && { signal }),
        onProgress: (done) => onProgress?.("decode", before + done, total),
      });
      before += framesOf(take.settings);
      yield { take, wave };
    }
  } finally {
    await vae.close();
  }
}

/** `device` speaks of the music model; the frozen networks follow where onnxruntime can, and it is told where not. */
function networkDevice(device: string): "auto" | "cpu" {
  return device === "cpu" ? "cpu" : "auto";
}
