import { integratedLoudness } from "../../dsp/loudness.js";
import { truePeak } from "../../dsp/true-peak.js";
import type { PreprocessSettings } from "../settings.js";

/** To what level songs are brought. */
export interface LevelSettings {
  readonly normalize: "peak" | "lufs";
  /** dBFS of the loudest sample, or LUFS. */
  readonly target: number;
  /** dBTP that nothing passes. */
  readonly ceilingDb: number;
}

/** What was done to the level of a piece. */
export interface LevelChange {
  /** All gain together, in dB. */
  readonly gainDb: number;
  /** By how much of it the ceiling held the sound below what was asked for; 0 where it did not. */
  readonly heldBackDb: number;
}

export const unchanged: LevelChange = { gainDb: 0, heldBackDb: 0 };

/** Below this peak a song is silence, and stays it (as upstream and Side-Step decide). */
const silencePeak = 1e-6;

export function levelSettings({
  normalize,
  peakDb,
  lufs,
  ceilingDb,
}: PreprocessSettings): LevelSettings | undefined {
  if (normalize === "none") return undefined;
  return { normalize, target: normalize === "peak" ? peakDb : lufs, ceilingDb };
}

/**
 * Brings channels to a level, in place, by one gain for all of it: nothing is compressed or limited in time. Where the gain
 * that is asked for would lift the true peak over the ceiling, less is given. Silence is left alone.
 */
export function normaliseLevel(
  channels: readonly Float32Array[],
  sampleRateHz: number,
  { normalize, target, ceilingDb }: LevelSettings,
): LevelChange {
  const peak = samplePeak(channels);
  if (peak < silencePeak) return unchanged;
  const now = normalize === "peak" ? decibels(peak) : integratedLoudness(channels, sampleRateHz);
  // Shorter than a loudness block, or all of it below the gate.
  if (now === -Infinity) return unchanged;
  return changeLevel(channels, target - now, ceilingDb);
}

/** Gives a gain, in place, or as much of it as keeps the true peak under the ceiling. */
export function changeLevel(
  channels: readonly Float32Array[],
  askedDb: number,
  ceilingDb: number,
): LevelChange {
  const peak = truePeak(channels);
  if (peak === 0) return unchanged;
  const gainDb = Math.min(askedDb, ceilingDb - decibels(peak));
  const gain = 10 ** (gainDb / 20);
  for (const channel of channels) {
    for (let index = 0; index < channel.length; index++) channel[index] = (channel[index] as number) * gain;
  }
  return { gainDb, heldBackDb: askedDb - gainDb };
}

function samplePeak(channels: readonly Float32Array[]): number {
  let peak = 0;
  for (const channel of channels) {
    for (let index = 0; index < channel.length; index++)
      peak = Math.max(peak, Math.abs(channel[index] as number));
  }
  return peak;
}

function decibels(amplitude: number): number {
  return 20 * Math.log10(amplitude);
}
