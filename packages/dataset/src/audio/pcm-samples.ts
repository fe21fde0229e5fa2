import type { ByteSource } from "./byte-source.js";
import { audioRefusal } from "./refusal.js";
import { viewOf } from "./byte-source.js";

/** Where uncompressed samples lie in a file, interleaved by frame. */
export interface PcmLayout {
  channels: number;
  sampleRateHz: number;
  /** Samples per channel. */
  frames: number;
  sample: "u8" | "s8" | "s16" | "s24" | "s32" | "f32" | "f64";
  bytesPerSample: number;
  littleEndian: boolean;
  dataStart: number;
}

type ReadSample = (view: DataView, at: number) => number;

/** Full scale is 1: integers are divided by two to the power of their bits less one. */
function sampleReader(sample: PcmLayout["sample"], littleEndian: boolean): ReadSample {
  switch (sample) {
    case "u8":
      return (view, at) => (view.getUint8(at) - 128) / 128;
    case "s8":
      return (view, at) => view.getInt8(at) / 128;
    case "s16":
      return (view, at) => view.getInt16(at, littleEndian) / 32768;
    case "s24":
      return littleEndian
        ? (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8388608
        : (view, at) => ((view.getInt8(at) << 16) | view.getUint16(at + 1, false)) / 8388608;
    case "s32":
      return (view, at) => view.getInt32(at, littleEndian) / 2147483648;
    case "f32":
      return (view, at) => view.getFloat32(at, littleEndian);
    case "f64":
      return (view, at) => view.getFloat64(at, littleEndian);
  }
}

/** Interleaved bytes to the first `keep` channels, planar; a partial frame at the end is left out. */
export function deinterleave(bytes: Uint8Array, layout: PcmLayout, keep: number): Float32Array[] {
  const frameBytes = layout.channels * layout.bytesPerSample;
  const frames = Math.floor(bytes.length / frameBytes);
  const view = viewOf(bytes);
  const readSample = sampleReader(layout.sample, layout.littleEndian);
  return Array.from({ length: Math.min(keep, layout.channels) }, (_, channel) => {
    const samples = new Float32Array(frames);
    let at = channel * layout.bytesPerSample;
    for (let frame = 0; frame < frames; frame++, at += frameBytes) samples[frame] = readSample(view, at);
    return samples;
  });
}

/** The samples of a file, some thousand frames at a time, at most two channels. */
export async function* pcmBlocks(source: ByteSource, layout: PcmLayout): AsyncGenerator<Float32Array[]> {
  const frameBytes = layout.channels * layout.bytesPerSample;
  const blockFrames = Math.max(1, Math.floor((1 << 18) / frameBytes));
  for (let frame = 0; frame < layout.frames; frame += blockFrames) {
    const frames = Math.min(blockFrames, layout.frames - frame);
    const bytes = await source.read(layout.dataStart + frame * frameBytes, frames * frameBytes);
    if (bytes.length < frames * frameBytes) {
      throw audioRefusal(
        "truncated",
        source.path,
        "became shorter while it was read; try again when it is written",
      );
    }
    yield deinterleave(bytes, layout, 2);
  }
}

/** ffmpeg's name of the coding, as tools print it. */
export function pcmCodecName(layout: PcmLayout): string {
  const endian = layout.bytesPerSample === 1 ? "" : layout.littleEndian ? "le" : "be";
  return `pcm_${layout.sample}${endian}`;
}
