import { ByteSource } from "./byte-source.js";
import { ffmpegBlocks } from "./ffmpeg-decoder.js";
import { isFfmpegKind } from "./kinds.js";
import { walkOgg } from "./ogg-pages.js";
import { pcmBlocks } from "./pcm-samples.js";
import { brokenOgg, probeSource, type AudioProbe } from "./probe.js";
import { audioRefusal } from "./refusal.js";
import { wasmBlocks, type DecodedBlock } from "./wasm-decoders.js";

/** Where an audio file came from, before resampling. */
export interface AudioSource {
  sampleRateHz: number;
  channels: number;
  /** As ffmpeg names it: `pcm_s16le`, `flac`, `mp3`, `vorbis`, `opus`, `aac`, `alac`. */
  codec: string;
  /** Length of the whole file, also where only its beginning was asked for; undefined where the header is silent. */
  durationS: number | undefined;
}

/** Which part of which file is decoded. */
export interface StreamRequest {
  path: string;
  /** Only the beginning; a file of more than {@link longestSongS} is refused without it. */
  maxDurationS: number | undefined;
}

/** Receives one or two channels at the file's own rate; `expectedFrames` is what the whole stream will plausibly have. */
export type BlockSink = (
  channels: readonly Float32Array[],
  sampleRateHz: number,
  expectedFrames: number,
) => void;

/** What was learned of a file by decoding it. */
export interface StreamedFile {
  source: AudioSource;
  /** One line each: a misleading file name, a header without a length. */
  warnings: string[];
}

/** A song is never this long: a longer file is a recording to be cut, or a forged header. */
export const longestSongS = 1800;

/** An mp3 count may include its own tag frame and the decoder's delay. */
const mpegToleranceFrames = 2 * 1152 + 529;

/** Beyond 60 dB over full scale a file is no music but wrongly scaled or damaged. */
const absurdLevel = 1000;

/**
 * Decodes one file on this thread, block by block, so that memory stays that of one block. Every sample is looked at;
 * `beat` is called once per block.
 *
 * @throws {AceError} ERR_FILE, with its {@link AudioProblem} as cause.
 */
export async function streamFile(
  request: StreamRequest,
  beat: () => void,
  sink: BlockSink,
): Promise<StreamedFile> {
  using source = await ByteSource.open(request.path);
  const probe = await probeSource(source);
  const warnings = [...probe.warnings];
  const lastFrame = await endOfOgg(source, probe, warnings);
  if (request.maxDurationS === undefined) refuseLong(source.path, probe);
  beat();
  let sampleRateHz: number | undefined;
  let received = 0;
  let sourceChannels = probe.format?.channels ?? 0;
  let isComplete = true;
  let { codec } = probe;
  for await (const block of decodedBlocks(source, probe, (name) => (codec = name))) {
    beat();
    sourceChannels = probe.format?.channels ?? Math.max(sourceChannels, block.channels.length);
    sampleRateHz ??= block.sampleRateHz;
    if (block.sampleRateHz !== sampleRateHz) {
      throw audioRefusal("unsupported", source.path, "changes its sample rate midway; re-encode it");
    }
    const frames = Math.min(block.channels[0]?.length ?? 0, lastFrame - received);
    const room = frameLimit(request, sampleRateHz) - received;
    if (frames > room && request.maxDurationS === undefined) throw tooLong(source.path);
    const channels = block.channels.map((channel) => channel.subarray(0, Math.min(frames, room)));
    for (const channel of channels) checkSamples(source.path, channel, received, sampleRateHz);
    sink(channels, sampleRateHz, expectedFrames(request, probe, sampleRateHz));
    received += channels[0]?.length ?? 0;
    if (received >= lastFrame) break;
    if (frames >= room && request.maxDurationS !== undefined) {
      isComplete = false;
      break;
    }
  }
  if (sampleRateHz === undefined || received === 0) {
    throw audioRefusal("no-frames", source.path, "holds no audio samples; export the song again");
  }
  if (isComplete) checkComplete(source.path, probe, received);
  const known = isComplete ? received : probe.format?.frames;
  return {
    source: {
      sampleRateHz,
      channels: sourceChannels,
      codec,
      durationS: known === undefined ? undefined : known / sampleRateHz,
    },
    warnings,
  };
}

/**
 * Verifies every page of an Ogg file, and tells where its audio ends: the decoder gives whole packets, the last granule
 * says how much of the last one is meant. Infinity for other files.
 */
async function endOfOgg(source: ByteSource, probe: AudioProbe, warnings: string[]): Promise<number> {
  if (probe.kind !== "vorbis" && probe.kind !== "opus" && probe.kind !== "oggflac") return Infinity;
  const layout = await walkOgg(source, probe.start, true);
  if (layout.brokenAt !== undefined) throw brokenOgg(source.path, layout.brokenAt, layout.cutOff);
  if (!layout.ended) {
    warnings.push(`${source.path}: ends without an end mark; it may be cut off`);
    return Infinity;
  }
  return probe.format?.frames ?? Infinity;
}

async function* decodedBlocks(
  source: ByteSource,
  probe: AudioProbe,
  hearCodec: (name: string) => void,
): AsyncGenerator<DecodedBlock> {
  const { kind, pcm, start } = probe;
  if (pcm !== undefined) {
    for await (const channels of pcmBlocks(source, pcm)) yield { channels, sampleRateHz: pcm.sampleRateHz };
  } else if (isFfmpegKind(kind)) {
    yield* ffmpegBlocks(source, kind, hearCodec);
  } else if (kind !== "wav" && kind !== "aiff") {
    yield* wasmBlocks(source, kind, start);
  }
}

/** A forged header may promise anything: only a plausible beginning is believed. */
function expectedFrames(request: StreamRequest, probe: AudioProbe, sampleRateHz: number): number {
  const plausible = 600 * sampleRateHz;
  return Math.min(probe.format?.frames ?? 0, frameLimit(request, sampleRateHz), plausible);
}

function frameLimit(request: StreamRequest, sampleRateHz: number): number {
  return Math.round((request.maxDurationS ?? longestSongS) * sampleRateHz);
}

/** By the header, before an hour of silence is unpacked from a few kilobytes. */
function refuseLong(path: string, probe: AudioProbe): void {
  const { frames = 0, sampleRateHz = 1 } = probe.format ?? {};
  if (frames > longestSongS * sampleRateHz) throw tooLong(path);
}

function tooLong(path: string): Error {
  return audioRefusal(
    "too-long",
    path,
    `is longer than ${longestSongS / 60} minutes; cut it, or give a maximum duration`,
  );
}

function checkComplete(path: string, probe: AudioProbe, received: number): void {
  const { frames, exact, sampleRateHz } = probe.format ?? {};
  if (frames === undefined || sampleRateHz === undefined || exact !== true) return;
  const tolerance = probe.kind === "mp3" ? mpegToleranceFrames : 0;
  if (received >= frames - tolerance) return;
  const seconds = (count: number): string => `${(count / sampleRateHz).toFixed(2)} s`;
  throw audioRefusal(
    "truncated",
    path,
    `only ${seconds(received)} of ${seconds(frames)} could be decoded; the file is cut off or damaged, get it again`,
  );
}

/** Refuses what is not finite or absurdly loud; `received` samples stood before these. */
function checkSamples(path: string, samples: Float32Array, received: number, sampleRateHz: number): void {
  for (let index = 0; index < samples.length; index++) {
    const level = Math.abs(samples[index] as number);
    if (level <= absurdLevel) continue;
    const at = `${((received + index) / sampleRateHz).toFixed(2)} s`;
    if (Number.isFinite(level)) {
      throw audioRefusal(
        "too-loud",
        path,
        `the sample at ${at} is ${level.toPrecision(3)} times full scale; normalise the file`,
      );
    }
    throw audioRefusal(
      "not-finite",
      path,
      `the sample at ${at} is not a number (NaN or infinite); export the song again`,
    );
  }
}
