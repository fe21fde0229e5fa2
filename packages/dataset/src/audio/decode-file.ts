import { ByteSource } from "./byte-source.js";
import { ffmpegBlocks } from "./ffmpeg-decoder.js";
import { isFfmpegKind } from "./kinds.js";
import { walkOgg } from "./ogg-pages.js";
import { pcmBlocks } from "./pcm-samples.js";
import { brokenOgg, probeSource, type AudioProbe } from "./probe.js";
import { audioRefusal } from "./refusal.js";
import { StereoCollector } from "./stereo-collector.js";
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

/** A decoded song. */
export interface DecodedAudio {
  /** Left and right, full scale 1; a mono file stands in both, of more than two channels the first two are taken. */
  channels: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
  sampleRateHz: number;
  /** Length of what was decoded. */
  durationS: number;
  source: AudioSource;
  /** One line each: a misleading file name, a header without a length. */
  warnings: string[];
}

/** What a decode job is told; plain data, it crosses to the worker thread. */
export interface DecodeRequest {
  path: string;
  sampleRateHz: number;
  maxDurationS: number | undefined;
}

/** A song is never this long: a longer file is a recording to be cut, or a forged header. */
export const longestSongS = 1800;

/** An mp3 count may include its own tag frame and the decoder's delay. */
const mpegToleranceFrames = 2 * 1152 + 529;

/**
 * Decodes and resamples one file on this thread; `beat` is called once per decoded block.
 *
 * @throws {AceError} ERR_FILE, with its {@link AudioProblem} as cause.
 */
export async function decodeFile(request: DecodeRequest, beat: () => void): Promise<DecodedAudio> {
  await using source = await ByteSource.open(request.path);
  const probe = await probeSource(source);
  const warnings = [...probe.warnings];
  const lastFrame = await endOfOgg(source, probe, warnings);
  if (request.maxDurationS === undefined) refuseLong(source.path, probe);
  beat();
  let collector: StereoCollector | undefined;
  let sourceChannels = probe.format?.channels ?? 0;
  let isComplete = true;
  let { codec } = probe;
  for await (const block of decodedBlocks(source, probe, (name) => (codec = name))) {
    beat();
    sourceChannels = probe.format?.channels ?? Math.max(sourceChannels, block.channels.length);
    collector ??= openCollector(request, probe, block.sampleRateHz);
    if (block.sampleRateHz !== collector.sourceRateHz) {
      throw audioRefusal("unsupported", source.path, "changes its sample rate midway; re-encode it");
    }
    const frames = Math.min(block.channels[0]?.length ?? 0, lastFrame - collector.received);
    const room = frameLimit(request, block.sampleRateHz) - collector.received;
    if (frames > room && request.maxDurationS === undefined) throw tooLong(source.path);
    collector.push(block.channels.map((channel) => channel.subarray(0, Math.min(frames, room))));
    if (collector.received >= lastFrame) break;
    if (frames >= room && request.maxDurationS !== undefined) {
      isComplete = false;
      break;
    }
  }
  if (collector === undefined || collector.received === 0) {
    throw audioRefusal("no-frames", source.path, "holds no audio samples; export the song again");
  }
  if (isComplete) checkComplete(source.path, probe, collector.received);
  const channels = collector.finish();
  const known = isComplete ? collector.received : probe.format?.frames;
  return {
    channels,
    sampleRateHz: request.sampleRateHz,
    durationS: channels[0].length / request.sampleRateHz,
    source: {
      sampleRateHz: collector.sourceRateHz,
      channels: sourceChannels,
      codec,
      durationS: known === undefined ? undefined : known / collector.sourceRateHz,
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

function openCollector(request: DecodeRequest, probe: AudioProbe, sampleRateHz: number): StereoCollector {
  // A forged header may promise anything: memory is only set aside for a plausible beginning.
  const plausible = 600 * sampleRateHz;
  const expected = Math.min(probe.format?.frames ?? 0, frameLimit(request, sampleRateHz), plausible);
  return new StereoCollector(request.path, sampleRateHz, request.sampleRateHz, expected);
}

function frameLimit(request: DecodeRequest, sampleRateHz: number): number {
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
