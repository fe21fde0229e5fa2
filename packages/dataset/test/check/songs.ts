import { seededRandom } from "../audio/sounds.js";

export const songRateHz = 44_100;

export type Stereo = [Float32Array, Float32Array];

/** Music of random notes and noise bursts on both sides, its peak at a random level from -20 to -1 dBFS. */
export function makeSong(seed: number, seconds: number): Stereo {
  const random = seededRandom(seed);
  const frames = Math.round(seconds * songRateHz);
  const song: Stereo = [new Float32Array(frames), new Float32Array(frames)];
  const beat = Math.round(songRateHz * (0.12 + 0.2 * random()));
  for (let start = 0; start < frames; start += beat) {
    addHat(song, start, random);
    for (let voice = 0; voice < 3; voice++) if (random() < 0.7) addNote(song, start, random);
  }
  return scaled(song, 10 ** ((-20 + 19 * random()) / 20) / peakOf(song));
}

function addNote([left, right]: Stereo, start: number, random: () => number): void {
  const hz = 110 * 2 ** (Math.floor(random() * 40) / 12);
  const pan = random();
  const decay = 6 / (songRateHz * (0.1 + random()));
  const length = Math.min(left.length - start, songRateHz);
  for (let i = 0; i < length; i++) {
    const angle = (2 * Math.PI * hz * i) / songRateHz;
    const wave =
      Math.exp(-decay * i) * (Math.sin(angle) + 0.5 * Math.sin(2 * angle) + 0.2 * Math.sin(3 * angle));
    left[start + i] = (left[start + i] ?? 0) + (1 - pan) * wave;
    right[start + i] = (right[start + i] ?? 0) + pan * wave;
  }
}

/** White noise reaches to the end of the spectrum. */
function addHat([left, right]: Stereo, start: number, random: () => number): void {
  const length = Math.min(left.length - start, songRateHz / 10);
  for (let i = 0; i < length; i++) {
    const level = 0.3 * Math.exp((-6 * i) / length);
    left[start + i] = (left[start + i] ?? 0) + level * (2 * random() - 1);
    right[start + i] = (right[start + i] ?? 0) + level * (2 * random() - 1);
  }
}

export function peakOf(song: Stereo): number {
  let peak = 0;
  for (const side of song) for (const sample of side) peak = Math.max(peak, Math.abs(sample));
  return peak;
}

export function mapped(song: Stereo, change: (sample: number) => number): Stereo {
  return [song[0].map(change), song[1].map(change)];
}

export function scaled(song: Stereo, gain: number): Stereo {
  return mapped(song, (sample) => sample * gain);
}

/** So many seconds of silence before and after. */
export function padded(song: Stereo, beforeS: number, afterS: number): Stereo {
  const [before, after] = [Math.round(beforeS * songRateHz), Math.round(afterS * songRateHz)];
  return [padSide(song[0], before, after), padSide(song[1], before, after)];
}

function padSide(side: Float32Array, before: number, after: number): Float32Array {
  const longer = new Float32Array(before + side.length + after);
  longer.set(side, before);
  return longer;
}
