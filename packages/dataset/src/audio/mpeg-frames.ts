import { tagAt, viewOf, type ByteSource } from "./byte-source.js";

/** One MPEG audio (layer III) frame header. Source: ISO 11172-3 and 13818-3, table of header bits. */
export interface MpegHeader {
  sampleRateHz: number;
  channels: number;
  frameBytes: number;
  samplesPerFrame: number;
  /** Bytes of side information after the 4 header bytes: where a Xing tag would stand. */
  sideInfoBytes: number;
}

/** What an mp3 file holds, by its frame headers alone. `frames` are samples per channel. */
export interface MpegStream {
  sampleRateHz: number;
  channels: number;
  frames: number;
  /** True when the count comes from a Xing, Info or VBRI tag, false when the frames were walked. */
  counted: boolean;
  /** True when the walk ended inside a frame: the file was probably cut off. */
  endsInFrame: boolean;
}

const kbitsVersion1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const kbitsVersion2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const ratesVersion1 = [44100, 48000, 32000];

/** The header at `at`, or undefined when these four bytes are none of layer III, or of free bit rate. */
export function parseMpegHeader(bytes: Uint8Array, at: number): MpegHeader | undefined {
  const [sync, kind, rates, mode] = bytes.subarray(at, at + 4);
  if (sync !== 0xff || kind === undefined || rates === undefined || mode === undefined) return undefined;
  if ((kind & 0xe0) !== 0xe0) return undefined;
  const version = (kind >> 3) & 3; // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
  const layer = (kind >> 1) & 3; // 1: layer III
  if (version === 1 || layer !== 1) return undefined;
  const kbits = (version === 3 ? kbitsVersion1 : kbitsVersion2)[rates >> 4];
  const rate = ratesVersion1[(rates >> 2) & 3];
  if (kbits === undefined || kbits === 0 || rate === undefined || (mode & 3) === 2) return undefined;
  const sampleRateHz = rate / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const samplesPerFrame = version === 3 ? 1152 : 576;
  const padding = (rates >> 1) & 1;
  const mono = mode >> 6 === 3;
  return {
    sampleRateHz,
    channels: mono ? 1 : 2,
    frameBytes: Math.floor(((samplesPerFrame / 8) * kbits * 1000) / sampleRateHz) + padding,
    samplesPerFrame,
    sideInfoBytes: version === 3 ? (mono ? 17 : 32) : mono ? 9 : 17,
  };
}

/** Counts the samples of an mp3 that starts at `start`; undefined when no frame is found. */
export async function measureMpeg(source: ByteSource, start: number): Promise<MpegStream | undefined> {
  const first = await firstFrame(source, start);
  if (first === undefined) return undefined;
  const { header, offset } = first;
  const tagged = await taggedSamples(source, offset, header);
  const shape = { sampleRateHz: header.sampleRateHz, channels: header.channels };
  if (tagged !== undefined) return { ...shape, frames: tagged, counted: true, endsInFrame: false };
  return { ...shape, ...(await walkSamples(source, offset)), counted: false };
}

async function firstFrame(source: ByteSource, start: number) {
  const searchBytes = 1 << 16;
  const bytes = (await source.read(start, searchBytes)).slice();
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const header = parseMpegHeader(bytes, at);
    if (header === undefined) continue;
    const follower = await source.read(start + at + header.frameBytes, 4);
    if (
      follower.length < 4 ||
      parseMpegHeader(follower, 0) !== undefined ||
      tagAt(follower, 0, 3) === "TAG"
    ) {
      return { header, offset: start + at };
    }
  }
  return undefined;
}

/** Samples by the Xing/Info or VBRI tag in the first frame, less the encoder's delay and padding where given. */
async function taggedSamples(
  source: ByteSource,
  offset: number,
  header: MpegHeader,
): Promise<number | undefined> {
  const frame = (await source.read(offset, Math.max(header.frameBytes, 256))).slice();
  const xing = 4 + header.sideInfoBytes;
  const name = tagAt(frame, xing);
  if (
    (name === "Xing" || name === "Info") &&
    frame.length >= xing + 12 &&
    ((frame[xing + 7] ?? 0) & 1) === 1
  ) {
    const samples = viewOf(frame).getUint32(xing + 8) * header.samplesPerFrame;
    return Math.max(0, samples - lameTrim(frame, xing));
  }
  if (tagAt(frame, 36) === "VBRI" && frame.length >= 54) {
    return viewOf(frame).getUint32(36 + 14) * header.samplesPerFrame;
  }
  return undefined;
}

/** Encoder delay plus end padding, 12 bits each, 21 bytes into the LAME part that follows the Xing fields. */
function lameTrim(frame: Uint8Array, xing: number): number {
  const flags = frame[xing + 7] ?? 0;
  const fields = 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  const at = xing + fields + 21;
  const encoder = tagAt(frame, xing + fields);
  const [a, b, c] = frame.subarray(at, at + 3);
  if (a === undefined || b === undefined || c === undefined || !/^[A-Za-z]{4}$/.test(encoder)) return 0;
  return (a << 4) + (b >> 4) + ((b & 15) << 8) + c;
}

async function walkSamples(
  source: ByteSource,
  offset: number,
): Promise<Pick<MpegStream, "frames" | "endsInFrame">> {
  let samples = 0;
  let at = offset;
  while (at + 4 <= source.size) {
    const header = parseMpegHeader(await source.read(at, 4), 0);
    if (header === undefined) {
      const next = await nextHeader(source, at + 1);
      if (next === undefined) break;
      at = next;
      continue;
    }
    if (at + header.frameBytes > source.size) return { frames: samples, endsInFrame: true };
    samples += header.samplesPerFrame;
    at += header.frameBytes;
  }
  return { frames: samples, endsInFrame: false };
}

/** Looks past junk (a stray tag in the middle of a file) for a frame that is followed by another. */
async function nextHeader(source: ByteSource, from: number): Promise<number | undefined> {
  const stepBytes = 4096;
  for (let base = from; base + 4 <= source.size; base += stepBytes) {
    const bytes = (await source.read(base, stepBytes + 4)).slice();
    for (let at = 0; at < stepBytes && at + 4 <= bytes.length; at++) {
      const header = parseMpegHeader(bytes, at);
      if (header === undefined) continue;
      const follower = await source.read(base + at + header.frameBytes, 4);
      if (parseMpegHeader(follower, 0) !== undefined) return base + at;
    }
  }
  return undefined;
}
