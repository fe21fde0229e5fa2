import { tagAt, viewOf, type ByteSource } from "./byte-source.js";
import type { PcmLayout } from "./pcm-samples.js";
import { audioRefusal } from "./refusal.js";

const formatPcm = 1;
const formatFloat = 3;
const formatExtensible = 0xfffe;
/** The tail of every Microsoft sub-format identifier; its first two bytes are the format number. */
const subformatTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/** Writers that stream cannot know the length and leave a placeholder at least this large. */
const placeholderBytes = 0x7ffff000;

interface WavFormat {
  channels: number;
  sampleRateHz: number;
  sample: PcmLayout["sample"];
  bytesPerSample: number;
}

/**
 * Finds format and samples of a WAV, RF64 or BW64 file.
 *
 * @throws {AceError} ERR_FILE for a missing chunk, a codec other than PCM or float, or data that is cut off.
 */
export async function readWavHeader(
  source: ByteSource,
  start: number,
  warn: (text: string) => void,
): Promise<PcmLayout> {
  let format: WavFormat | undefined;
  let longDataBytes: number | undefined;
  let at = start + 12;
  while (at + 8 <= source.size) {
    const head = (await source.read(at, 8)).slice();
    const id = tagAt(head, 0);
    const bytes = viewOf(head).getUint32(4, true);
    const body = at + 8;
    if (id === "ds64") {
      const view = viewOf((await source.read(body, 16)).slice());
      if (view.byteLength === 16) longDataBytes = Number(view.getBigUint64(8, true));
    } else if (id === "fmt ") {
      format = parseFormat(source.path, (await source.read(body, Math.min(bytes, 40))).slice());
    } else if (id === "data") {
      if (format === undefined) {
        throw audioRefusal(
          "damaged",
          source.path,
          "the WAV data comes before its format; export the file again",
        );
      }
      const length = await dataLength(source, body, bytes, longDataBytes, warn);
      const frameBytes = format.channels * format.bytesPerSample;
      return { ...format, littleEndian: true, dataStart: body, frames: Math.floor(length / frameBytes) };
    }
    at = await nextChunk(source, body, bytes);
  }
  throw audioRefusal(
    "truncated",
    source.path,
    `the WAV file ends before its ${format === undefined ? "format" : "data"}; it is cut off, export it again`,
  );
}

async function dataLength(
  source: ByteSource,
  body: number,
  bytes: number,
  longBytes: number | undefined,
  warn: (text: string) => void,
): Promise<number> {
  const available = source.size - body;
  const declared = bytes === 0xffffffff && longBytes !== undefined ? longBytes : bytes;
  if (declared > 0 && declared <= available) return declared;
  const followedByChunk = declared === 0 && isChunkId(await source.read(body, 4));
  if ((declared === 0 && !followedByChunk) || (declared === bytes && bytes >= placeholderBytes)) {
    if (available > 0) warn("the WAV header does not say how long it is; read to the end of the file");
    return available;
  }
  if (declared === 0) return 0;
  throw audioRefusal(
    "truncated",
    source.path,
    `the WAV header promises ${declared} bytes of samples, the file has ${available}; it is cut off, export it again`,
  );
}

/** Chunks are padded to even length with a zero, but some writers forget. */
export async function nextChunk(source: ByteSource, body: number, bytes: number): Promise<number> {
  const end = body + bytes;
  if (bytes % 2 === 0) return end;
  return isChunkId(await source.read(end, 4)) ? end : end + 1;
}

function isChunkId(bytes: Uint8Array): boolean {
  return bytes.length === 4 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

function parseFormat(path: string, bytes: Uint8Array): WavFormat {
  if (bytes.length < 16) throw audioRefusal("damaged", path, "the WAV format chunk is too short");
  const view = viewOf(bytes);
  let tag = view.getUint16(0, true);
  const channels = view.getUint16(2, true);
  const sampleRateHz = view.getUint32(4, true);
  const frameBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  if (tag === formatExtensible) {
    if (bytes.length < 40 || !subformatTail.every((byte, index) => bytes[26 + index] === byte)) {
      throw audioRefusal(
        "unsupported",
        path,
        "the WAV file has an unknown extensible format; convert it to PCM or FLAC",
      );
    }
    tag = view.getUint16(24, true);
  }
  const bytesPerSample = Math.ceil(bits / 8);
  const sample =
    tag === formatPcm ? intSample(bytesPerSample) : tag === formatFloat ? floatSample(bits) : undefined;
  if (sample === undefined) {
    const what = tag === formatPcm || tag === formatFloat ? `${bits}-bit samples` : `the codec number ${tag}`;
    throw audioRefusal(
      "unsupported",
      path,
      `the WAV file has ${what}; 8, 16, 24 or 32-bit PCM and 32 or 64-bit float are read, convert it to one of them`,
    );
  }
  if (channels === 0 || sampleRateHz === 0 || frameBytes !== channels * bytesPerSample) {
    throw audioRefusal(
      "damaged",
      path,
      `the WAV format does not add up (${channels} channels, ${sampleRateHz} Hz, ${bits} bits, ${frameBytes} bytes a frame)`,
    );
  }
  return { channels, sampleRateHz, sample, bytesPerSample };
}

function intSample(bytes: number): PcmLayout["sample"] | undefined {
  return ({ 1: "u8", 2: "s16", 3: "s24", 4: "s32" } as const)[bytes];
}

function floatSample(bits: number): PcmLayout["sample"] | undefined {
  return ({ 32: "f32", 64: "f64" } as const)[bits];
}
