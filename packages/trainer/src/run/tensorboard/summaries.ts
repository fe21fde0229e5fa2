// Values of a Summary (tensorflow/core/framework/summary.proto): tag 1, then one of the kinds below.
import { bytesField, doubleField, floatField, packedDoubles, varintField } from "./protobuf.js";

export function scalarValue(tag: string, value: number): Uint8Array {
  return Buffer.concat([bytesField(1, tag), floatField(2, value)]);
}

/** Equal parts of [from, to]. */
export interface HistogramRange {
  readonly from: number;
  readonly to: number;
  readonly parts: number;
}

/** How often values fall into each part of a range; those outside count in the nearest. */
export function histogramValue(
  tag: string,
  values: readonly number[],
  { from, to, parts }: HistogramRange,
): Uint8Array {
  const counts = new Array<number>(parts).fill(0);
  for (const value of values) {
    const part = Math.min(parts - 1, Math.max(0, Math.floor(((value - from) / (to - from)) * parts)));
    counts[part] = (counts[part] ?? 0) + 1;
  }
  const limits = counts.map((_, i) => from + ((i + 1) * (to - from)) / parts);
  const histogram = Buffer.concat([
    doubleField(
      1,
      values.reduce((least, value) => Math.min(least, value), Infinity),
    ),
    doubleField(
      2,
      values.reduce((most, value) => Math.max(most, value), -Infinity),
    ),
    doubleField(3, values.length),
    doubleField(
      4,
      values.reduce((sum, value) => sum + value, 0),
    ),
    doubleField(
      5,
      values.reduce((sum, value) => sum + value * value, 0),
    ),
    packedDoubles(6, limits),
    packedDoubles(7, counts),
  ]);
  return Buffer.concat([bytesField(1, tag), bytesField(5, histogram)]);
}

/** A WAV file to listen to. */
export interface AudioClip {
  readonly wav: Uint8Array;
  readonly sampleRateHz: number;
  readonly channels: number;
}

export function audioValue(tag: string, { wav, sampleRateHz, channels }: AudioClip): Uint8Array {
  const audio = Buffer.concat([
    floatField(1, sampleRateHz),
    varintField(2, channels),
    bytesField(4, wav),
    bytesField(5, "audio/wav"),
  ]);
  return Buffer.concat([bytesField(1, tag), bytesField(6, audio)]);
}
