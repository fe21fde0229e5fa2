import { hannWindow, RealFft } from "../dsp/fft.js";

/** Pitch classes of short stretches of a song. */
export interface Chroma {
  /** Frames in a second. */
  rateHz: number;
  frames: number;
  /** 12 values a frame from C, of all pitches; each frame sums to 1, or is 0 in silence. */
  all: Float32Array;
  /** The same of the bass, below 200 Hz. */
  bass: Float32Array;
  /** Weight of each frame: how loud its pitches are. */
  weight: Float32Array;
  /** How far the song is tuned from 440 Hz, in semitones from -0.5 to 0.5. */
  tuning: number;
}

export interface ChromaOptions {
  /** Samples of a frame, a power of two. */
  size: number;
  hop: number;
}

const lowestHz = 55;
const highestHz = 2200;
const bassHz = [32, 200] as const;

/** One peak of one spectrum. */
interface Peak {
  hz: number;
  magnitude: number;
}

/**
 * Chroma from the peaks of each spectrum: drums, which have no peaks that stand out, hardly count. Peaks that are
 * explained as overtones of a lower peak are weakened, and the song's own tuning is taken as the reference.
 */
export function chromaOf(mono: Float32Array, rateHz: number, options: ChromaOptions): Chroma {
  const { size, hop } = options;
  const fft = new RealFft(size);
  const window = hannWindow(size);
  const power = new Float64Array(fft.bins);
  const frames = Math.max(1, Math.ceil(mono.length / hop));
  const peaks: Peak[][] = [];
  const basses: Peak[][] = [];
  for (let frame = 0; frame < frames; frame++) {
    fft.power(mono, frame * hop - size / 2, window, power);
    const found = findPeaks(power, rateHz / size);
    peaks.push(withoutOvertones(found.filter(({ hz }) => hz >= lowestHz)));
    basses.push(found.filter(({ hz }) => hz >= bassHz[0] && hz <= bassHz[1]));
  }
  const tuning = estimateTuning(peaks);
  const all = new Float32Array(frames * 12);
  const bass = new Float32Array(frames * 12);
  const weight = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    const row = all.subarray(frame * 12, frame * 12 + 12);
    weight[frame] = fillRow(row, peaks[frame] ?? [], tuning);
    fillRow(bass.subarray(frame * 12, frame * 12 + 12), (basses[frame] ?? []).slice(0, 4), tuning);
  }
  return { rateHz: rateHz / hop, frames, all, bass, weight, tuning };
}

/** Local maxima that stand 8 dB above their surroundings, with their frequency by parabola on the logarithm. */
function findPeaks(power: Float64Array, hzPerBin: number): Peak[] {
  const first = Math.max(2, Math.floor(bassHz[0] / hzPerBin));
  const last = Math.min(power.length - 3, Math.ceil(highestHz / hzPerBin));
  const reach = 12;
  let sum = 0;
  for (let bin = Math.max(0, first - reach); bin < first + reach; bin++) sum += power[bin] as number;
  const peaks: Peak[] = [];
  for (let bin = first; bin <= last; bin++) {
    sum += (power[bin + reach] ?? 0) - (power[bin - reach - 1] ?? 0);
    const here = power[bin] as number;
    const before = power[bin - 1] as number;
    const after = power[bin + 1] as number;
    if (here <= before || here <= after || here < 1e-12) continue;
    // The lobe of the peak itself is five bins wide.
    const lobe = here + before + after + (power[bin - 2] as number) + (power[bin + 2] as number);
    const around = Math.max(0, sum - lobe) / (2 * reach - 4);
    if (here < 6 * around) continue;
    const [a, b, c] = [Math.log(before + 1e-20), Math.log(here), Math.log(after + 1e-20)];
    const shift = (a - c) / 2 / (a - 2 * b + c);
    peaks.push({ hz: (bin + shift) * hzPerBin, magnitude: Math.sqrt(here) });
  }
  const strongest = peaks.reduce((most, { magnitude }) => Math.max(most, magnitude), 0);
  return peaks.filter(({ magnitude }) => magnitude > strongest * 0.01);
}

/** Each peak, less what the peaks at 1/2, 1/3, 1/4 and 1/5 of its frequency would sound there. */
function withoutOvertones(peaks: Peak[]): Peak[] {
  return peaks.flatMap(({ hz, magnitude }) => {
    let left = magnitude;
    for (const { hz: lower, magnitude: strength } of peaks) {
      if (lower > hz * 0.51) break;
      const ratio = hz / lower;
      const multiple = Math.round(ratio);
      if (multiple > 6 || Math.abs(ratio / multiple - 1) > 0.012) continue;
      left = Math.min(left, Math.max(magnitude * 0.15, magnitude - strength * 0.7 ** (multiple - 1)));
    }
    return left > 0 ? [{ hz, magnitude: left }] : [];
  });
}

/** Semitones above C of no octave: MIDI numbers with a fraction. */
function pitchOf(hz: number): number {
  return 69 + 12 * Math.log2(hz / 440);
}

/** The mean of the peaks' distances from the nearest semitone, as angles. */
function estimateTuning(peaks: readonly Peak[][]): number {
  let [re, im] = [0, 0];
  for (const frame of peaks) {
    for (const { hz, magnitude } of frame) {
      if (hz < 150) continue;
      const angle = 2 * Math.PI * pitchOf(hz);
      const weight = Math.sqrt(magnitude);
      re += weight * Math.cos(angle);
      im += weight * Math.sin(angle);
    }
  }
  return re === 0 && im === 0 ? 0 : Math.atan2(im, re) / (2 * Math.PI);
}

function fillRow(row: Float32Array, peaks: readonly Peak[], tuning: number): number {
  let sum = 0;
  for (const { hz, magnitude } of peaks) {
    const pitch = pitchOf(hz) - tuning;
    const nearest = Math.round(pitch);
    const off = Math.abs(pitch - nearest);
    // Between two keys a peak says nothing.
    const value = Math.sqrt(magnitude) * Math.max(0, 1 - 2 * off) ** 0.5;
    const place = ((nearest % 12) + 12) % 12;
    row[place] = (row[place] as number) + value;
    sum += value;
  }
  if (sum > 0) for (let i = 0; i < 12; i++) row[i] = (row[i] as number) / sum;
  return sum;
}
