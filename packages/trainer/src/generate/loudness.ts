import { AceError } from "@acewright/core-native";
import { integratedLoudness } from "@acewright/dataset";

/** Peak that songs are brought to: -1 dB below full scale, as upstream does. */
export const targetPeak = 10 ** (-1 / 20);

/** Below this there is nothing to bring up. */
const silencePeak = 1e-6;

/**
 * Scales all channels by one factor, in place, so that the largest sample is {@link targetPeak}; silence stays silence.
 *
 * @returns the peak before.
 * @throws {AceError} ERR_INTERNAL when a sample is not finite.
 */
export function normalisePeak(channels: readonly Float32Array[]): number {
  let peak = 0;
  for (const channel of channels) {
    for (const sample of channel) {
      if (!Number.isFinite(sample)) {
        throw new AceError("ERR_INTERNAL", `a generated sample is ${sample}; no file was written`);
      }
      peak = Math.max(peak, Math.abs(sample));
    }
  }
  if (peak < silencePeak) return peak;
  const scale = targetPeak / peak;
  for (const channel of channels)
    for (let i = 0; i < channel.length; i++) channel[i] = (channel[i] ?? 0) * scale;
  return peak;
}

/**
 * Brings songs to the loudness of the quietest of them (BS.1770), in place: only ever down, so that none can clip. Silent
 * songs stay as they are.
 *
 * @returns the change of each, in dB.
 */
export function matchLoudness(songs: readonly (readonly Float32Array[])[], sampleRateHz: number): number[] {
  const loudness = songs.map((channels) => integratedLoudness(channels, sampleRateHz));
  const target = Math.min(...loudness.filter(Number.isFinite));
  return songs.map((channels, index) => {
    const own = loudness[index] ?? -Infinity;
    if (!Number.isFinite(own)) return 0;
    const gain = target - own;
    const factor = 10 ** (gain / 20);
    for (const channel of channels)
      for (let i = 0; i < channel.length; i++) channel[i] = (channel[i] ?? 0) * factor;
    return gain;
  });
}
