import { hannWindow, RealFft } from "../dsp/fft.js";

/** Frames of an onset curve in a second. */
export const onsetRateHz = 100;

/** Where the bands of the onset curves end, in Hz: bass drum and bass; snare body and chords; snare and melody; cymbals. */
const bandEndsHz = [150, 800, 4500, 11_000];
const melBands = 40;
const lowestHz = 30;
const frameSize = 1024;

/** How much begins in each hundredth of a second: all of it, and by band. */
export interface OnsetCurves {
  total: Float64Array;
  low: Float64Array;
  body: Float64Array;
  snare: Float64Array;
  high: Float64Array;
  /** Energy of each frame, for finding where the music begins and ends. */
  energy: Float64Array;
}

/**
 * Spectral flux on logarithmic mel bands: the rise of each band against the strongest of its neighbours two frames
 * before, so that a vibrato does not count as new notes (SuperFlux, Boeck and Widmer 2013).
 *
 * @param mono samples at `rateHz`, which is a multiple of {@link onsetRateHz}
 */
export function onsetCurves(mono: Float32Array, rateHz: number): OnsetCurves {
  const bands = new MelBands(rateHz);
  const hop = rateHz / onsetRateHz;
  const frames = Math.floor(mono.length / hop) + 1;
  const spectrogram = new Float32Array(frames * melBands);
  const energy = new Float64Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    energy[frame] = bands.read(mono, frame * hop - frameSize / 2, spectrogram.subarray(frame * melBands));
  }
  compress(spectrogram);
  const curves = [0, 1, 2, 3].map(() => new Float64Array(frames));
  for (let frame = 2; frame < frames; frame++) {
    for (let band = 0; band < melBands; band++) {
      const rise = riseAt(spectrogram, frame, band);
      if (rise <= 0) continue;
      const curve = curves[bands.groups[band] ?? 0];
      if (curve !== undefined) curve[frame] = (curve[frame] as number) + rise;
    }
  }
  const [low, body, snare, high] = curves.map((curve) => levelled(curve)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const total = new Float64Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    total[frame] = curves.reduce((sum, curve) => sum + (curve[frame] as number), 0);
  }
  return { total: levelled(total), low, body, snare, high, energy };
}

function riseAt(spectrogram: Float32Array, frame: number, band: number): number {
  const now = spectrogram[frame * melBands + band] as number;
  const before = (frame - 2) * melBands + band;
  let strongest = spectrogram[before] as number;
  if (band > 0) strongest = Math.max(strongest, spectrogram[before - 1] as number);
  if (band < melBands - 1) strongest = Math.max(strongest, spectrogram[before + 1] as number);
  return now - strongest;
}

/** Levels on a logarithmic scale whose bend lies at the song's own mean, so that its loudness does not matter. */
function compress(spectrogram: Float32Array): void {
  let sum = 0;
  for (const value of spectrogram) sum += value;
  const scale = sum > 0 ? (10 * spectrogram.length) / sum : 0;
  for (let i = 0; i < spectrogram.length; i++)
    spectrogram[i] = Math.log1p(scale * (spectrogram[i] as number));
}

/** What rises above the mean of the second around it, smoothed over 20 ms: players are not exact. */
function levelled(curve: Float64Array): Float64Array {
  const half = onsetRateHz / 2;
  const sums = new Float64Array(curve.length + 1);
  for (let i = 0; i < curve.length; i++) sums[i + 1] = (sums[i] as number) + (curve[i] as number);
  const risen = curve.map((value, i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(curve.length, i + half + 1);
    return Math.max(0, value - ((sums[to] as number) - (sums[from] as number)) / (to - from));
  });
  const taps = [0.06, 0.24, 0.4, 0.24, 0.06];
  return risen.map((_, i) => taps.reduce((sum, tap, k) => sum + tap * (risen[i + k - 2] ?? 0), 0));
}

/** Triangular filters, equally spaced in mel. */
class MelBands {
  /** Which curve each band belongs to. */
  readonly groups: number[];
  readonly #fft = new RealFft(frameSize);
  readonly #window = hannWindow(frameSize);
  readonly #power: Float64Array;
  readonly #filters: { first: number; weights: Float64Array }[];

  constructor(rateHz: number) {
    this.#power = new Float64Array(this.#fft.bins);
    const mel = (hz: number): number => 1127 * Math.log1p(hz / 700);
    const [from, to] = [mel(lowestHz), mel(Math.min(bandEndsHz[3] ?? 0, rateHz / 2))];
    const edges = Array.from({ length: melBands + 2 }, (_, i) => {
      const at = from + ((to - from) * i) / (melBands + 1);
      return (700 * Math.expm1(at / 1127) * frameSize) / rateHz;
    });
    const hzPerBin = rateHz / frameSize;
    this.#filters = Array.from({ length: melBands }, (_, band) => triangle(edges, band));
    this.groups = Array.from({ length: melBands }, (_, band) =>
      bandEndsHz.findIndex((end) => (edges[band + 1] ?? 0) * hzPerBin <= end),
    );
  }

  /** Magnitude of each band of one frame; gives the frame's energy. */
  read(mono: Float32Array, offset: number, bands: Float32Array): number {
    const power = this.#power;
    this.#fft.power(mono, offset, this.#window, power);
    let energy = 0;
    for (let bin = 0; bin < power.length; bin++) energy += power[bin] as number;
    for (let band = 0; band < melBands; band++) {
      const filter = this.#filters[band];
      if (filter === undefined) continue;
      let sum = 0;
      for (let k = 0; k < filter.weights.length; k++) {
        sum += (filter.weights[k] as number) * (power[filter.first + k] as number);
      }
      bands[band] = Math.sqrt(sum);
    }
    return energy;
  }
}

function triangle(edges: number[], band: number): { first: number; weights: Float64Array } {
  const [left, centre, right] = [edges[band] ?? 0, edges[band + 1] ?? 0, edges[band + 2] ?? 0];
  const first = Math.ceil(left);
  const count = Math.floor(right) - first + 1;
  const weights = Float64Array.from({ length: Math.max(0, count) }, (_, k) => {
    const bin = first + k;
    return bin <= centre ? (bin - left) / (centre - left) : (right - bin) / (right - centre);
  });
  // The lowest bands are narrower than a bin: they take the nearest one.
  if (!weights.some((weight) => weight > 0))
    return { first: Math.round(centre), weights: Float64Array.of(1) };
  return { first, weights };
}
