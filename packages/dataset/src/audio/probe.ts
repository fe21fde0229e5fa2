import { extname } from "node:path";
import { readAiffHeader } from "./aiff-header.js";
import { ByteSource, tagAt, viewOf } from "./byte-source.js";
import { audioExtensions, isMisnamed, kindWords, type AudioKind } from "./kinds.js";
import { measureMpeg } from "./mpeg-frames.js";
import { walkOgg } from "./ogg-pages.js";
import { pcmCodecName, type PcmLayout } from "./pcm-samples.js";
import { audioRefusal } from "./refusal.js";
import { sniffAudio } from "./sniff.js";
import { readWavHeader } from "./wav-header.js";

/** What an audio file says of itself before anything is decoded. */
export interface AudioProbe {
  kind: AudioKind;
  /** Offset of the first byte after any ID3v2 tag. */
  start: number;
  codec: string;
  /** Undefined for kinds that only ffmpeg reads. */
  format: AudioFormat | undefined;
  /** Set for WAV and AIFF. */
  pcm: PcmLayout | undefined;
  warnings: string[];
}

export interface AudioFormat {
  sampleRateHz: number;
  channels: number;
  /** Samples per channel; undefined when the header does not know. */
  frames: number | undefined;
  /** True when fewer decoded samples than `frames` mean that the file was cut off. */
  exact: boolean;
}

/** Sample rates outside are forged or no music. */
const sampleRateRange = { least: 2000, most: 768000 };

/**
 * Recognises a file by its content and reads its format and length without decoding.
 *
 * @throws {AceError} ERR_FILE when nothing fits, or the header does not hold together.
 */
export async function probeSource(source: ByteSource): Promise<AudioProbe> {
  const found = await sniffAudio(source);
  if (found === undefined) {
    throw audioRefusal(
      "not-audio",
      source.path,
      `is not an audio file this program knows (${audioExtensions.join(", ")})`,
    );
  }
  const { kind, start } = found;
  const warnings: string[] = [];
  const extension = extname(source.path).slice(1);
  if (extension !== "" && isMisnamed(extension, kind)) {
    warnings.push(`${source.path}: is ${kindWords[kind].name} in spite of its name; read as what it is`);
  }
  const warn = (text: string): void => {
    warnings.push(`${source.path}: ${text}`);
  };
  const described = await describe(source, kind, start, warn);
  const rate = described.format?.sampleRateHz;
  if (rate !== undefined && (rate < sampleRateRange.least || rate > sampleRateRange.most)) {
    throw audioRefusal(
      "damaged",
      source.path,
      `the header gives ${rate} Hz; between ${sampleRateRange.least} and ${sampleRateRange.most} Hz was expected`,
    );
  }
  return { kind, start, pcm: undefined, ...described, warnings };
}

type Description = Pick<AudioProbe, "codec" | "format"> & Partial<Pick<AudioProbe, "pcm">>;

async function describe(
  source: ByteSource,
  kind: AudioKind,
  start: number,
  warn: (text: string) => void,
): Promise<Description> {
  switch (kind) {
    case "wav":
      return describePcm(await readWavHeader(source, start, warn));
    case "aiff":
      return describePcm(await readAiffHeader(source, start));
    case "flac":
      return { codec: "flac", format: flacFormat(source.path, (await source.read(start, 42)).slice()) };
    case "mp3":
      return describeMpeg(source, start, warn);
    case "vorbis":
    case "opus":
    case "oggflac":
      return describeOgg(source, kind, start);
    case "m4a":
    case "aac":
    case "wma":
    case "wavpack":
    case "ape":
    case "matroska":
    case "caf":
    case "ac3":
    case "eac3":
      // The container does not tell the codec; ffmpeg does when it decodes.
      return { codec: kind, format: undefined };
  }
}

function describePcm(pcm: PcmLayout): Description {
  const { sampleRateHz, channels, frames } = pcm;
  return { codec: pcmCodecName(pcm), format: { sampleRateHz, channels, frames, exact: true }, pcm };
}

async function describeMpeg(
  source: ByteSource,
  start: number,
  warn: (text: string) => void,
): Promise<Description> {
  const stream = await measureMpeg(source, start);
  if (stream === undefined) throw audioRefusal("not-audio", source.path, "holds no MP3 frame");
  const { sampleRateHz, channels, frames, counted, endsInFrame } = stream;
  if (endsInFrame) warn("ends in the middle of an MP3 frame; it may be cut off");
  return { codec: "mp3", format: { sampleRateHz, channels, frames, exact: counted } };
}

/** STREAMINFO, the first metadata block of every FLAC file (RFC 9639, section 8.2). */
function flacFormat(path: string, bytes: Uint8Array): AudioFormat {
  if (bytes.length < 42 || ((bytes[4] ?? 0xff) & 0x7f) !== 0) {
    throw audioRefusal("damaged", path, "the FLAC file does not begin with its stream information");
  }
  const view = viewOf(bytes);
  const packed = view.getUint32(18);
  const frames = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return {
    sampleRateHz: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    frames: frames === 0 ? undefined : frames,
    exact: true,
  };
}

async function describeOgg(
  source: ByteSource,
  kind: "vorbis" | "opus" | "oggflac",
  start: number,
): Promise<Description> {
  const head = (await source.read(start, 27 + 255 + 64)).slice();
  const packet = head.subarray(27 + (head[26] ?? 0));
  const layout = await walkOgg(source, start, false);
  if (layout.brokenAt !== undefined) throw brokenOgg(source.path, layout.brokenAt, layout.cutOff);
  if (layout.streams !== 1) {
    const what = `holds ${layout.streams} Ogg streams; split or re-encode it so that it holds one song`;
    throw audioRefusal("unsupported", source.path, what);
  }
  const granules = Number(layout.granules);
  const view = viewOf(packet);
  if (packet.length < 19) throw audioRefusal("damaged", source.path, "the first Ogg page is too short");
  if (kind === "opus") {
    const preSkip = view.getUint16(10, true);
    const frames = Math.max(0, granules - preSkip);
    return {
      codec: "opus",
      format: { sampleRateHz: 48000, channels: view.getUint8(9), frames, exact: false },
    };
  }
  if (kind === "oggflac") {
    const inner = packet.subarray(9);
    if (tagAt(inner, 0) !== "fLaC")
      throw audioRefusal("damaged", source.path, "the Ogg FLAC header is damaged");
    return { codec: "flac", format: { ...flacFormat(source.path, inner), exact: false } };
  }
  const sampleRateHz = view.getUint32(12, true);
  return {
    codec: "vorbis",
    format: { sampleRateHz, channels: view.getUint8(11), frames: granules, exact: false },
  };
}

/** The refusal for an Ogg file whose pages stop making sense. */
export function brokenOgg(path: string, at: number, cutOff: boolean): Error {
  return cutOff
    ? audioRefusal("truncated", path, `the Ogg file is cut off in its page at byte ${at}; get the whole file`)
    : audioRefusal("damaged", path, `the Ogg page at byte ${at} is damaged; get the file again`);
}

/** Opens a file and probes it. */
export async function probeAudio(path: string): Promise<AudioProbe> {
  using source = await ByteSource.open(path);
  return await probeSource(source);
}
