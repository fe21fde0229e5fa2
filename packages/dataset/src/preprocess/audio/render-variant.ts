import type { Variant } from "../pieces/variant.js";
import type { LevelChange } from "./level.js";
import { changeLevel } from "./level.js";
import { pitchShift } from "./pitch-shift.js";
import { timeStretch } from "./time-stretch.js";

/**
 * Another take of a sound: pitch, then tempo, then gain, never above the ceiling. Joins and filters may add a little to the
 * peak, so the ceiling holds whatever the gain.
 */
export function renderVariant(
  channels: readonly Float32Array[],
  { semitones, tempo, gainDb }: Variant,
  sampleRateHz: number,
  ceilingDb: number,
): { channels: Float32Array<ArrayBuffer>[]; level: LevelChange } {
  const shifted = semitones === 0 ? channels : pitchShift(channels, semitones, sampleRateHz);
  const paced = timeStretch(shifted, tempo, sampleRateHz);
  return { channels: paced, level: changeLevel(paced, gainDb, ceilingDb) };
}
