import type { AceErrorCode } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import { join } from "node:path";
import { decodeAudio } from "../audio/decode.js";
import type { ModelFolders } from "../encoders/model-folders.js";
import { PromptEncoder } from "../encoders/prompt-encoder.js";
import type { LatentPosterior } from "../encoders/vae.js";
import { VaeEncoder } from "../encoders/vae.js";
import type { EncoderDevice } from "../onnx/execution-device.js";
import type { TensorContent, TensorMetadata } from "../tensors/tensor-file.js";
import { writeTensorFile } from "../tensors/tensor-file.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { silenceFrames } from "../torch-file/silence-latent.js";
import type { ConditionNetwork } from "./condition-network.js";
import type { PreprocessEvent, PreprocessPhase } from "./events.js";
import { gaussians } from "./gaussian.js";
import type { PartFiles } from "./part-files.js";
import type { Recipe, TensorFile } from "./recipe.js";
import { latentsRecipe } from "./recipe.js";
import type { PreprocessSettings } from "./settings.js";
import type { SongWork } from "./song-work.js";

/** What all phases of one run share. */
export interface PhaseContext {
  readonly settings: PreprocessSettings;
  readonly folders: ModelFolders;
  readonly device: EncoderDevice;
  readonly silence: SilenceLatent;
  readonly output: string;
  readonly parts: PartFiles;
  readonly signal: AbortSignal;
  readonly emit: (event: PreprocessEvent) => void;
}

/** A song that has to be made. */
export interface PendingSong extends SongWork {
  readonly recipe: Recipe;
  /** Tensors of an earlier run whose latents are still right. */
  readonly reusable?: TensorFile;
}

/** Shorter songs have nothing to learn from, and less than a patch of latents cannot be trained on at all. */
const shortestS = 1;
/** Refusals that concern one song; a checkpoint or device at fault concerns all. */
const songErrors: ReadonlySet<AceErrorCode> = new Set<AceErrorCode>([
  "ERR_FILE",
  "ERR_CONFIG",
  "ERR_SHAPE",
  "ERR_OUT_OF_MEMORY",
]);
/** Below this every sample is silence (as upstream decides it). */
const silenceLevel = 1e-6;

/** Decodes and encodes every song; the latents go to part files. Returns the songs that made it. */
export async function latentsPhase(
  context: PhaseContext,
  songs: readonly PendingSong[],
): Promise<PendingSong[]> {
  const { settings, parts, device } = context;
  const missing = songs.filter((song) => !parts.has(latentsPart(song), latentsRecipe(song.recipe)));
  const toEncode: PendingSong[] = [];
  for (const song of missing) {
    if (song.reusable === undefined) toEncode.push(song);
    else writeLatents(context, song, song.reusable.content.latents, song.reusable.metadata.durationS);
  }
  if (toEncode.length === 0) return [...songs];
  const encoder = await VaeEncoder.open(context.folders.vae, { device, threads: settings.threads });
  try {
    if (encoder.config.latentChannels !== context.silence.channels) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${context.folders.vae}: has ${encoder.config.latentChannels} latent channels, the music model ${context.silence.channels}`,
      );
    }
    const made = await eachSong(context, "latents", toEncode, async (song, onFraction) => {
      const audio = await decodeAudio(song.audioFile, {
        signal: context.signal,
        ...(settings.maxDurationS === undefined ? {} : { maxDurationS: settings.maxDurationS }),
      });
      for (const message of audio.warnings) context.emit({ type: "warning", id: song.id, message });
      checkAudible(song.audioFile, audio.channels, audio.durationS);
      const posterior = await encoder.encode(audio.channels, {
        signal: context.signal,
        onProgress: (done, total) => {
          onFraction(done / total);
        },
      });
      const latents = drawLatents(posterior, settings, song.recipe.audio);
      checkFinite(song.audioFile, "latents", latents);
      return () => {
        writeLatents(context, song, latents, audio.durationS);
      };
    });
    return songs.filter((song) => made.has(song.id) || !toEncode.includes(song));
  } finally {
    await encoder.close();
  }
}

/** Caption, metas and lyrics to states; they go to part files. Returns the songs that made it. */
export async function promptsPhase(
  context: PhaseContext,
  songs: readonly PendingSong[],
): Promise<PendingSong[]> {
  const { settings, parts, folders, device } = context;
  const missing = songs.filter((song) => !parts.has(promptPart(song), song.recipe));
  if (missing.length === 0) return [...songs];
  const encoder = await PromptEncoder.open(folders.textEncoder, { device, threads: settings.threads });
  try {
    const made = await eachSong(context, "prompts", missing, async (song) => {
      const { durationS } = readLatents(context, song);
      const tensors: Record<string, { values: Float32Array; shape: number[] }> = {};
      const { captions, ...metas } = song.prompt;
      for (const [i, caption] of captions.entries()) {
        const states = await encoder.encode({ ...metas, caption, durationS }, settings.conditioning);
        for (const message of states.warnings) context.emit({ type: "warning", id: song.id, message });
        tensors[`text.${i}`] = { values: states.text, shape: [states.textMask.length, encoder.width] };
        tensors[`textMask.${i}`] = {
          values: Float32Array.from(states.textMask),
          shape: [states.textMask.length],
        };
        tensors["lyrics"] = { values: states.lyrics, shape: [states.lyricMask.length, encoder.width] };
        tensors["lyricMask"] = {
          values: Float32Array.from(states.lyricMask),
          shape: [states.lyricMask.length],
        };
      }
      return () => {
        parts.write(promptPart(song), song.recipe, { tensors, notes: {} });
      };
    });
    return songs.filter((song) => made.has(song.id) || !missing.includes(song));
  } finally {
    await encoder.close();
  }
}

/** Packs the conditions and writes the tensor files. `onMade` is told of each file once it is there. */
export async function conditionsPhase(
  context: PhaseContext,
  songs: readonly PendingSong[],
  network: ConditionNetwork,
  onMade: (song: PendingSong, content: TensorContent, metadata: TensorMetadata) => Promise<void>,
): Promise<void> {
  const { settings, parts, silence, output } = context;
  const timbre =
    settings.conditioning === "official"
      ? oneZeroFrame(silence)
      : silenceFrames(silence, network.config.timbreFrames);
  await eachSong(context, "conditions", songs, async (song) => {
    const { latents, frames, durationS } = readLatents(context, song);
    const { tensors } = parts.read(promptPart(song), song.recipe);
    const conditions: Float32Array[] = [];
    const segments: TensorMetadata["segments"] = [];
    for (const i of song.prompt.captions.keys()) {
      const result = await network.encode({
        text: part(tensors, `text.${i}`),
        textMask: Uint8Array.from(part(tensors, `textMask.${i}`)),
        lyrics: part(tensors, "lyrics"),
        lyricMask: Uint8Array.from(part(tensors, "lyricMask")),
        timbre: [timbre],
      });
      checkFinite(song.audioFile, "condition states", result.hiddenStates);
      conditions.push(result.hiddenStates);
      const { lyrics, timbre: clip, text } = result.segments;
      segments.push({ lyrics: [...lyrics], timbre: [...clip], text: [...text] });
    }
    const content: TensorContent = {
      frames,
      channels: silence.channels,
      latents,
      conditions,
      width: network.config.encoderHiddenSize,
      contextLatents: undefined,
    };
    const metadata: TensorMetadata = {
      id: song.id,
      prompt: song.prompt,
      source: { path: song.audioFile, sha256: song.recipe.audio },
      durationS,
      conditioning: settings.conditioning,
      modelFingerprint: network.config.fingerprint,
      recipe: { ...song.recipe },
      segments,
    };
    return async () => {
      writeTensorFile(join(output, song.file), content, metadata);
      await onMade(song, content, metadata);
      parts.remove(latentsPart(song));
      parts.remove(promptPart(song));
    };
  });
}

/**
 * Runs one phase song by song. A song whose work is refused is told and left out; what `work` returns then writes, and
 * a write that fails ends the run, for it would fail for every song.
 */
async function eachSong(
  { emit, signal }: PhaseContext,
  phase: PreprocessPhase,
  songs: readonly PendingSong[],
  work: (song: PendingSong, onFraction: (fraction: number) => void) => Promise<() => void | Promise<void>>,
): Promise<Set<string>> {
  const made = new Set<string>();
  emit({ type: "phase", phase, songs: songs.length });
  for (const [index, song] of songs.entries()) {
    signal.throwIfAborted();
    const progress = (fraction: number): void => {
      emit({ type: "progress", phase, id: song.id, songsDone: index, songs: songs.length, fraction });
    };
    let write: () => void | Promise<void>;
    try {
      write = await work(song, progress);
    } catch (error) {
      if (!(error instanceof AceError) || !songErrors.has(error.code)) throw error;
      emit({ type: "failed", id: song.id, audioFile: song.audioFile, error });
      continue;
    }
    await write();
    made.add(song.id);
    progress(1);
  }
  return made;
}

function writeLatents(
  { parts, silence }: PhaseContext,
  song: PendingSong,
  values: Float32Array,
  durationS: number,
): void {
  const shape = [values.length / silence.channels, silence.channels];
  const notes = { durationS: String(durationS) };
  parts.write(latentsPart(song), latentsRecipe(song.recipe), {
    tensors: { latents: { values, shape } },
    notes,
  });
}

function readLatents(
  { parts }: PhaseContext,
  song: PendingSong,
): { latents: Float32Array; frames: number; durationS: number } {
  const { tensors, notes } = parts.read(latentsPart(song), latentsRecipe(song.recipe));
  const latents = part(tensors, "latents");
  return { latents, frames: tensors["latents"]?.shape[0] as number, durationS: Number(notes["durationS"]) };
}

function part(tensors: Readonly<Record<string, { values: Float32Array }>>, name: string): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined)
    throw new AceError("ERR_FILE", `a part file lacks ${name}; remove .parts and preprocess again`);
  return tensor.values;
}

/** mean, or mean + std n with noise that depends on the seed and the song's content only. */
function drawLatents(
  { mean, std }: LatentPosterior,
  { posterior, seed }: PreprocessSettings,
  audio: string,
): Float32Array {
  if (posterior === "mean") return mean;
  const noise = gaussians(`${seed} ${audio}`, mean.length);
  return mean.map((value, i) => value + (std[i] as number) * (noise[i] as number));
}

function checkAudible(file: string, channels: readonly Float32Array[], durationS: number): void {
  if (durationS < shortestS) {
    throw new AceError(
      "ERR_FILE",
      `${file}: lasts ${durationS.toFixed(2)} s, at least ${shortestS} s is needed; leave it out or take a longer cut`,
    );
  }
  if (channels.every((channel) => channel.every((sample) => Math.abs(sample) < silenceLevel))) {
    throw new AceError("ERR_FILE", `${file}: is silent from end to end; leave it out or export it again`);
  }
}

function checkFinite(file: string, what: string, values: Float32Array): void {
  if (values.every(Number.isFinite)) return;
  throw new AceError(
    "ERR_FILE",
    `${file}: its ${what} hold NaN or infinity; listen to the file, it may be damaged`,
  );
}

/** What upstream's trainer gives as timbre. */
function oneZeroFrame({ channels }: SilenceLatent): Float32Array {
  return new Float32Array(channels);
}

function latentsPart({ id }: SongWork): string {
  return `${id}.latents`;
}

function promptPart({ id }: SongWork): string {
  return `${id}.prompts`;
}
