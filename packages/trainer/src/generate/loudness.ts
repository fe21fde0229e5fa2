import { AceError } from "@acewright/core-native";

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
