import type { Chroma } from "./chroma.js";
import { onsetRateHz, type OnsetCurves } from "./onsets.js";
import { harmonyChanges } from "./pulse-features.js";

/**
 * Which beat begins the bar: the one on which bass, bass drum and new chords fall most.
 *
 * @param beats frames of the onset curves
 * @returns beginnings of bars in seconds
 */
export function findDownbeats(
  beats: Int32Array,
  beatsPerBar: number,
  onsets: OnsetCurves,
  chroma: Chroma,
): number[] {
  const harmony = harmonyChanges(chroma, beats);
  const low = Float64Array.from(beats, (frame) => onsets.low[frame] ?? 0);
  const share = (values: Float64Array): Float64Array => {
    const sum = values.reduce((all, value) => all + value, 0);
    return values.map((value) => (sum > 0 ? value / sum : 0));
  };
  const [chords, bass] = [share(harmony), share(low)];
  const strength = Array.from({ length: beatsPerBar }, () => 0);
  for (let beat = 0; beat < beats.length; beat++) {
    const phase = beat % beatsPerBar;
    strength[phase] = (strength[phase] ?? 0) + 2 * (chords[beat] ?? 0) + (bass[beat] ?? 0);
  }
  const phase = strength.indexOf(Math.max(...strength));
  return Array.from(beats)
    .filter((_, beat) => beat % beatsPerBar === phase)
    .map((frame) => frame / onsetRateHz);
}
