import { framesPerSecond } from "./spectral-frames.js";

/** A song as a few hundred bytes that survive re-encoding, a change of level and a cut beginning. */
export interface Sketch {
  /** Landmarks chosen by their value alone, so that two songs choose the same ones of those they share; ascending. */
  keys: number[];
  /** Frame (of 40 ms) at which each first stands. */
  frames: number[];
}

/** Semitones from about 330 Hz to 5 kHz, where encoders keep what instruments play. */
const lowestHz = 330;
const bands = 47;
const bandsPerOctave = 12;
/** A spectral peak is the loudest place within this many bands and frames around it. */
const reachBands = 3;
const reachFrames = 4;
/** And stands out from the quietest moment there by this much: held tones have no moment of their own. */
const prominenceDb = 6;
/** Two peaks make a landmark when they follow one another within this time. */
const leastApart = 2;
const mostApart = 45;
const partners = 5;
/** Steps that the distance in time is told in: a copy cut between two frames rounds differently. */
const apartStep = 3;
const sketchSize = 96;

interface Peak {
  frame: number;
  band: number;
}

/** Gathers landmarks (pairs of spectral peaks) from a stream of spectra and keeps the sketch of them. */
export class LandmarkSketch {
  readonly #edges: Float64Array;
  /** Levels of the last frames, newest last. */
  readonly #recent: Float64Array[] = [];
  readonly #keys: number[] = [];
  readonly #frames: number[] = [];
  #anchors: (Peak & { partners: number })[] = [];

  constructor(binHz: number) {
    this.#edges = Float64Array.from(
      { length: bands + 1 },
      (_, band) => (lowestHz * 2 ** ((band - 0.5) / bandsPerOctave)) / binHz,
    );
  }

  push(power: Float64Array, frame: number): void {
    this.#recent.push(this.#levels(power));
    if (this.#recent.length <= 2 * reachFrames) return;
    this.#findPeaks(frame - reachFrames);
    this.#recent.shift();
  }

  report(): Sketch {
    return { keys: [...this.#keys], frames: [...this.#frames] };
  }

  /** Level of each semitone in dB; bins on an edge count to both sides by their share. */
  #levels(power: Float64Array): Float64Array {
    const levels = new Float64Array(bands);
    for (let band = 0; band < bands; band++) {
      const [from, to] = [this.#edges[band] as number, this.#edges[band + 1] as number];
      let sum = 0;
      for (let bin = Math.floor(from); bin < to; bin++) {
        sum += (power[bin] ?? 0) * (Math.min(to, bin + 1) - Math.max(from, bin));
      }
      levels[band] = 10 * Math.log10(sum + 1e-12);
    }
    return levels;
  }

  #findPeaks(frame: number): void {
    const middle = this.#recent[reachFrames];
    if (middle === undefined) return;
    for (let band = 0; band < bands; band++) {
      if (this.#isPeak(middle[band] as number, band)) this.#addPeak({ frame, band });
    }
  }

  #isPeak(level: number, band: number): boolean {
    let quietest = level;
    for (let f = 0; f <= 2 * reachFrames; f++) {
      const levels = this.#recent[f];
      if (levels === undefined) return false;
      quietest = Math.min(quietest, levels[band] as number);
      const to = Math.min(bands - 1, band + reachBands);
      for (let b = Math.max(0, band - reachBands); b <= to; b++) {
        if ((levels[b] as number) > level) return false;
      }
    }
    return level - quietest >= prominenceDb;
  }

  #addPeak(peak: Peak): void {
    this.#anchors = this.#anchors.filter(
      (anchor) => anchor.partners < partners && peak.frame - anchor.frame <= mostApart,
    );
    for (const anchor of this.#anchors) {
      const apart = peak.frame - anchor.frame;
      if (apart < leastApart) continue;
      anchor.partners++;
      this.#keep(mixed((anchor.band * 64 + peak.band) * 16 + Math.floor(apart / apartStep)), anchor.frame);
    }
    this.#anchors.push({ ...peak, partners: 0 });
  }

  /** Keeps the landmarks of the smallest keys, and of equal ones the first. */
  #keep(key: number, frame: number): void {
    const keys = this.#keys;
    if (keys.length >= sketchSize && key >= (keys.at(-1) as number)) return;
    let at = keys.length;
    while (at > 0 && (keys[at - 1] as number) > key) at--;
    if (keys[at - 1] === key) return;
    keys.splice(at, 0, key);
    this.#frames.splice(at, 0, frame);
    if (keys.length > sketchSize) {
      keys.pop();
      this.#frames.pop();
    }
  }
}

/** Spreads landmarks over 32 bits, so that the smallest are a fair draw (the finaliser of MurmurHash3). */
function mixed(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/** For people: seconds between two frames. */
export function framesToSeconds(frames: number): number {
  return frames / framesPerSecond;
}
