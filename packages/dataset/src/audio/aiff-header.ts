import { tagAt, viewOf, type ByteSource } from "./byte-source.js";
import type { PcmLayout } from "./pcm-samples.js";
import { audioRefusal } from "./refusal.js";

interface AiffFormat {
  channels: number;
  sampleRateHz: number;
  frames: number;
  sample: PcmLayout["sample"];
  bytesPerSample: number;
  littleEndian: boolean;
}

/**
 * Finds format and samples of an AIFF or AIFC file.
 *
 * @throws {AceError} ERR_FILE for a missing chunk, a compressed AIFC, or sound that is cut off.
 */
export async function readAiffHeader(source: ByteSource, start: number): Promise<PcmLayout> {
  const compressed = tagAt((await source.read(start, 12)).slice(), 8) === "AIFC";
  let format: AiffFormat | undefined;
  let sound: { dataStart: number; bytes: number } | undefined;
  let at = start + 12;
  while (at + 8 <= source.size && (format === undefined || sound === undefined)) {
    const head = (await source.read(at, 8)).slice();
    const id = tagAt(head, 0);
    const bytes = viewOf(head).getUint32(4);
    const body = at + 8;
    if (id === "COMM") format = parseCommon(source.path, (await source.read(body, 22)).slice(), compressed);
    if (id === "SSND") {
      const prefix = (await source.read(body, 8)).slice();
      if (prefix.length < 8) break;
      const offset = viewOf(prefix).getUint32(0);
      sound = { dataStart: body + 8 + offset, bytes: bytes - 8 - offset };
    }
    at = body + bytes + (bytes % 2);
  }
  if (format === undefined || sound === undefined) {
    const missing = format === undefined ? "format" : "sound";
    throw audioRefusal(
      "truncated",
      source.path,
      `the AIFF file ends before its ${missing}; it is cut off, export it again`,
    );
  }
  const needed = format.frames * format.channels * format.bytesPerSample;
  const available = Math.min(sound.bytes, source.size - sound.dataStart);
  if (needed > available) {
    throw audioRefusal(
      "truncated",
      source.path,
      `the AIFF header promises ${needed} bytes of samples, the file has ${Math.max(0, available)}; it is cut off, export it again`,
    );
  }
  return { ...format, dataStart: sound.dataStart };
}

function parseCommon(path: string, bytes: Uint8Array, aifc: boolean): AiffFormat {
  if (bytes.length < 18 || (aifc && bytes.length < 22)) {
    throw audioRefusal("damaged", path, "the AIFF format chunk is too short");
  }
  const view = viewOf(bytes);
  const channels = view.getUint16(0);
  const frames = view.getUint32(2);
  const bits = view.getUint16(6);
  const sampleRateHz = Math.round(extendedFloat(view, 8));
  const compression = aifc ? tagAt(bytes, 18) : "NONE";
  const coding = codingOf(compression, bits);
  if (coding === undefined) {
    throw audioRefusal(
      "unsupported",
      path,
      `the AIFF file is ${compression === "NONE" ? `${bits}-bit` : `compressed as "${compression}"`}; convert it to 16 or 24-bit PCM`,
    );
  }
  if (channels === 0 || !Number.isFinite(sampleRateHz) || sampleRateHz <= 0) {
    throw audioRefusal(
      "damaged",
      path,
      `the AIFF format does not add up (${channels} channels, ${sampleRateHz} Hz)`,
    );
  }
  return { channels, frames, sampleRateHz, ...coding };
}

function codingOf(compression: string, bits: number) {
  const name = compression.toLowerCase();
  if (name === "fl32") return { sample: "f32", bytesPerSample: 4, littleEndian: false } as const;
  if (name === "fl64") return { sample: "f64", bytesPerSample: 8, littleEndian: false } as const;
  if (name !== "none" && name !== "twos" && name !== "sowt") return undefined;
  const littleEndian = name === "sowt";
  const bytesPerSample = Math.ceil(bits / 8);
  const sample = ({ 1: "s8", 2: "s16", 3: "s24", 4: "s32" } as const)[bytesPerSample];
  return sample === undefined ? undefined : { sample, bytesPerSample, littleEndian };
}

/** An 80-bit IEEE extended number: sign and exponent in 16 bits, an explicit 64-bit mantissa. */
function extendedFloat(view: DataView, at: number): number {
  const exponent = view.getUint16(at) & 0x7fff;
  const mantissa = view.getUint32(at + 2) * 2 ** 32 + view.getUint32(at + 6);
  return mantissa * 2 ** (exponent - 16383 - 63);
}
