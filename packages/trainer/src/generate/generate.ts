import { statSync } from "node:fs";
import { dirname } from "node:path";
import {
  AceError,
  Adapter,
  ConditionEncoder,
  Decoder,
  type DeviceInfo,
  openDevice,
  Sampler,
  type Device,
  type DeviceName,
  type LoadReport,
} from "@acewright/core-native";
import {
  decodeLatents,
  PromptEncoder,
  readSilenceLatent,
  resolveEncoderDevice,
  resolveModelFolders,
  silenceContext,
  silenceFrames,
  writeWav,
  type ModelFolders,
} from "@acewright/dataset";
import { parseWith } from "../config/parse-with.js";
import { framesPerSecond } from "../frames.js";
import { normalisePeak } from "./loudness.js";
import { samplingFor, type Sampling } from "./sampling.js";
import { GenerateSettings, type GenerateSettingsInput } from "./settings.js";

/** An adapter to listen to. */
export interface AdapterUse {
  /** PEFT folder, LyCORIS file, or a run. */
  readonly path: string;
  /** 1 as trained, 0 off. */
  readonly scale: number;
}

/** Where a song comes from and goes to. */
export interface GenerateOptions extends GenerateSettingsInput {
  /** Checkpoint folder; VAE and text encoder lie beside it. */
  readonly model: string;
  readonly vae?: string;
  readonly textEncoder?: string;
  readonly adapters?: readonly AdapterUse[];
  /** WAV file to write. */
  readonly output: string;
  /** Checked between the parts of the work; the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (part: GeneratePart, done: number, total: number) => void;
  /** Told once where the music model runs. */
  readonly onDevice?: (device: DeviceInfo) => void;
}

/** The parts of the work, in order. */
export type GeneratePart = "prompt" | "sample" | "decode";

/** What was made. */
export interface GenerateResult {
  readonly file: string;
  readonly durationS: number;
  readonly settings: GenerateSettings;
  readonly sampling: Sampling;
  /** Peak before it was brought to -1 dB of full scale. */
  readonly peak: number;
  readonly adapters: readonly {
    readonly path: string;
    readonly scale: number;
    readonly report: LoadReport;
  }[];
  /** What was cut of the prompt, and what is odd about the adapters, one line each. */
  readonly warnings: readonly string[];
}

/** Upstream never generates less; what is beyond the asked length is cut. */
const fewestFrames = 128;

/**
 * Makes a song from words: caption and lyrics to conditions, noise to latents, latents to a 48 kHz stereo WAV file.
 *
 * @throws {AceError} ERR_CONFIG, ERR_FILE, ERR_CHECKPOINT (an adapter of another model), ERR_DEVICE, ERR_OUT_OF_MEMORY;
 *   nothing is written then.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const { model, vae, textEncoder, adapters = [], output, signal, onProgress, onDevice, ...given } = options;
  const settings = parseWith(GenerateSettings, given, "generate");
  refuseMissingFolder(output);
  const folders = resolveModelFolders(model, { vae, textEncoder });
  const device = openDevice(
    settings.device as DeviceName,
    settings.threads === undefined ? {} : { threads: settings.threads },
  );
  onDevice?.(device.info);
  const silence = readSilenceLatent(folders.model);
  const frames = Math.max(1, Math.round(settings.durationS * framesPerSecond));
  const made = Math.max(frames, fewestFrames);

  onProgress?.("prompt", 0, 1);
  const { condition, warnings } = await conditionOf(folders, device, settings);
  onProgress?.("prompt", 1, 1);
  signal?.throwIfAborted();

  const opened: { close(): void }[] = [];
  let latents: Float32Array;
  let sampling: Sampling;
  const remarks: string[] = [];
  const loaded: GenerateResult["adapters"][number][] = [];
  try {
    const decoder = await Decoder.open(folders.model, { device });
    opened.push(decoder);
    const uses: { adapter: Adapter; scale: number }[] = [];
    for (const { path, scale } of adapters) {
      const { adapter, report, metadata } = await Adapter.load(decoder, path);
      opened.push(adapter);
      remarks.push(...remarksOn(path, metadata, decoder.config.fingerprint, settings.caption));
      uses.push({ adapter, scale });
      loaded.push({ path, scale, report });
    }
    signal?.throwIfAborted();
    sampling = samplingFor(settings, decoder.config);
    const sampler = new Sampler(decoder, uses);
    opened.push(sampler);
    const { times, guidance } = sampling;
    const contextLatents = silenceContext(silence, made);
    latents = await sampler.sample(
      { condition, contextLatents, seed: settings.seed, times, method: settings.method, guidance },
      (done, total) => onProgress?.("sample", done, total),
    );
  } finally {
    for (const thing of opened.reverse()) thing.close();
  }
  signal?.throwIfAborted();

  const wave = await decodeLatents(folders.vae, latents.subarray(0, frames * silence.channels), {
    device: networkDevice(settings),
    ...(settings.threads !== undefined && { threads: settings.threads }),
    ...(signal !== undefined && { signal }),
    onProgress: (done, total) => onProgress?.("decode", done, total),
  });
  const peak = normalisePeak(wave);
  writeWav(output, wave, 48_000, settings.format);
  return {
    file: output,
    durationS: wave[0].length / 48_000,
    settings,
    sampling,
    peak,
    adapters: loaded,
    warnings: [...warnings, ...remarks],
  };
}

/** What an adapter's own words say about its use here. */
function remarksOn(
  path: string,
  metadata: Readonly<Record<string, string>>,
  fingerprint: string,
  caption: string,
): string[] {
  const { base_model_fingerprint: trainedOn, base_model: name, trigger } = metadata;
  const remarks: string[] = [];
  if (trainedOn !== undefined && trainedOn !== fingerprint) {
    remarks.push(`${path}: was trained on another model (${name ?? "unnamed"}); it may sound different here`);
  }
  if (trigger !== undefined && trigger !== "" && !caption.toLowerCase().includes(trigger.toLowerCase())) {
    remarks.push(`${path}: its trigger ${JSON.stringify(trigger)} is not in the caption`);
  }
  return remarks;
}

/** Words to condition tokens; the networks are opened, used once and closed. */
async function conditionOf(
  folders: ModelFolders,
  device: Device,
  settings: GenerateSettings,
): Promise<{ condition: Float32Array; warnings: readonly string[] }> {
  const encoderDevice = await resolveEncoderDevice(networkDevice(settings));
  const asked = settings.device.startsWith("cuda") && encoderDevice.name === "cpu";
  const elsewhere = asked ? [`text encoder and autoencoder run on the CPU (${encoderDevice.reason})`] : [];
  const prompts = await PromptEncoder.open(folders.textEncoder, {
    device: encoderDevice,
    threads: settings.threads,
  });
  const { bpm = null, ...fields } = settings;
  const prompt = await prompts.encode({ ...fields, bpm }).finally(() => prompts.close());
  const encoder = await ConditionEncoder.open(folders.model, { device });
  try {
    const silence = readSilenceLatent(folders.model);
    const { hiddenStates } = await encoder.encode({
      text: prompt.text,
      textMask: prompt.textMask,
      lyrics: prompt.lyrics,
      lyricMask: prompt.lyricMask,
      timbre: [silenceFrames(silence, encoder.config.timbreFrames)],
    });
    return { condition: hiddenStates, warnings: [...elsewhere, ...prompt.warnings] };
  } finally {
    encoder.close();
  }
}

/** `device` speaks of the music model; the frozen networks follow where onnxruntime can, and it is told where not. */
function networkDevice({ device }: GenerateSettings): "auto" | "cpu" {
  return device === "cpu" ? "cpu" : "auto";
}

function refuseMissingFolder(output: string): void {
  const folder = dirname(output);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new AceError(
    "ERR_FILE",
    `${output}: cannot be written, the folder ${folder} does not exist; make it first`,
  );
}
