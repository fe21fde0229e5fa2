import { AceError, writeFileAtomic } from "@acewright/core-native";
import { infoChunk, type AudioTags } from "./audio-tags.js";

/** Sample formats a WAV file is written in. */
export type WavFormat = "float32" | "pcm16" | "pcm24";

const bytesPerSample: Readonly<Record<WavFormat, number>> = { float32: 4, pcm16: 2, pcm24: 3 };

/**
 * Writes planar channels (full scale 1) as a WAV file, whole or not at all. PCM clips at full scale; float does not.
 *
 * @throws {AceError} as {@link encodeWav}, and ERR_FILE when the file cannot be written.
 */
export function writeWav(
  path: string,
  channels: readonly Float32Array[],
  sampleRateHz: number,
  format: WavFormat = "pcm16",
): void {
  writeFileAtomic(path, encodeWav(path, channels, sampleRateHz, format));
}

/**
 * The bytes of a WAV file; `path` is only named in errors.
 *
 * @throws {AceError} ERR_SHAPE when channels differ in length or there are none; ERR_FILE when a sample is not finite or
 *   the file would pass 4 GiB.
 */
export function encodeWav(
  path: string,
  channels: readonly Float32Array[],
  sampleRateHz: number,
  format: WavFormat,
  tags: AudioTags = {},
): Uint8Array<ArrayBuffer> {
  const frames = channels[0]?.length;
  if (frames === undefined || channels.some((channel) => channel.length !== frames)) {
    const lengths = channels.map((channel) => channel.length).join(", ");
    throw new AceError("ERR_SHAPE", `${path}: channels of equal length expected, got [${lengths}]`);
  }
  const sampleBytes = bytesPerSample[format];
  const dataBytes = frames * channels.length * sampleBytes;
  const info = infoChunk(tags);
  const header = wavHeader(channels.length, sampleRateHz, format, frames, dataBytes, info.length);
  if (dataBytes + header.length + info.length > 0xfffffffe) {
    throw new AceError(
      "ERR_FILE",
      `${path}: a WAV file holds at most 4 GiB; write a shorter piece or fewer bits`,
    );
  }
  const infoAt = header.length + dataBytes + (dataBytes % 2);
  const bytes = new Uint8Array(infoAt + info.length);
  bytes.set(header);
  bytes.set(info, infoAt);
  const view = new DataView(bytes.buffer);
  channels.forEach((channel, index) => {
    let at = header.length + index * sampleBytes;
    for (let frame = 0; frame < frames; frame++, at += channels.length * sampleBytes) {
      const value = channel[frame] as number;
      if (!Number.isFinite(value)) {
        throw new AceError(
          "ERR_FILE",
          `${path}: not written, sample ${frame} of channel ${index} is ${value}`,
        );
      }
      if (format === "float32") view.setFloat32(at, value, true);
      else if (format === "pcm16") view.setInt16(at, toInteger(value, 32768), true);
      else {
        const integer = toInteger(value, 8388608);
        view.setUint16(at, integer & 0xffff, true);
        view.setInt8(at + 2, integer >> 16);
      }
    }
  });
  return bytes;
}

/** Rounded to the nearest whole number and clipped to [-full, full). */
export function toInteger(value: number, full: number): number {
  return Math.max(-full, Math.min(full - 1, Math.round(value * full)));
}

/** RIFF header; float has an extension field and a fact chunk, as the format asks of everything but PCM. */
function wavHeader(
  channels: number,
  rateHz: number,
  format: WavFormat,
  frames: number,
  dataBytes: number,
  infoBytes: number,
): Uint8Array {
  const float = format === "float32";
  const sampleBytes = bytesPerSample[format];
  const header = new Uint8Array(float ? 58 : 44);
  const view = new DataView(header.buffer);
  const tag = (at: number, text: string): void => {
    header.set(Buffer.from(text, "latin1"), at);
  };
  tag(0, "RIFF");
  view.setUint32(4, header.length - 8 + dataBytes + (dataBytes % 2) + infoBytes, true);
  tag(8, "WAVEfmt ");
  view.setUint32(16, float ? 18 : 16, true);
  view.setUint16(20, float ? 3 : 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * channels * sampleBytes, true);
  view.setUint16(32, channels * sampleBytes, true);
  view.setUint16(34, sampleBytes * 8, true);
  if (float) {
    tag(38, "fact");
    view.setUint32(42, 4, true);
    view.setUint32(46, frames, true);
  }
  tag(header.length - 8, "data");
  view.setUint32(header.length - 4, dataBytes, true);
  return header;
}
