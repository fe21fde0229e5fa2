/** How much of a song was cut off at a level. */
export interface ClippingReport {
  /** Share of all samples that lie in flat tops at the song's peak. */
  share: number;
  /** Level of those tops, 1 being full scale; 0 where there are none. */
  level: number;
  firstAtS: number;
}

/** Samples within one step of 16 bits are equal: dither and rounding, no shape. */
const equalWithin = 1.01 / 32768;
/** A smooth wave that stays within one step for a few samples leaves it by at most four; a cut one jumps. */
const cornerStep = 8 * equalWithin;
const shortestTop = 3;
/** Tops further below the peak than this (0.1 dB) are notes of square waves, not the level something was cut at. */
const nearPeak = 0.99;
const levels = 4096;

/**
 * Finds flat tops: three or more equal samples at the highest level of their sign, entered and left by a corner. So it finds
 * clipping at full scale and below it (a clipped mix turned down), and takes neither slow sine waves nor the
 * plateaus of square waves, which jump by their whole height on both sides, for it.
 */
export class ClippingMeter {
  readonly #sides: ClippedSide[];
  readonly #sampleRateHz: number;
  #samples = 0;

  constructor(sampleRateHz: number, channels = 2) {
    this.#sampleRateHz = sampleRateHz;
    this.#sides = Array.from({ length: channels }, () => new ClippedSide());
  }

  push(channels: readonly Float32Array[]): void {
    this.#sides.forEach((side, index) => {
      const samples = channels[index];
      if (samples === undefined) return;
      side.push(samples);
      this.#samples += samples.length;
    });
  }

  report(): ClippingReport {
    const tops = this.#sides.flatMap((side) => side.tops());
    const clipped = tops.reduce((sum, { samples }) => sum + samples, 0);
    const firstAt = Math.min(...tops.map(({ firstAt }) => firstAt));
    return {
      share: clipped / Math.max(1, this.#samples),
      level: Math.max(0, ...tops.map(({ level }) => level)),
      firstAtS: clipped === 0 ? 0 : firstAt / this.#sampleRateHz,
    };
  }
}

interface Tops {
  samples: number;
  level: number;
  firstAt: number;
}

/** One channel: flat tops by sign and level. */
class ClippedSide {
  readonly #counts = [new Uint32Array(levels + 1), new Uint32Array(levels + 1)];
  readonly #firsts = [new Float64Array(levels + 1), new Float64Array(levels + 1)];
  readonly #peaks = [0, 0];
  #at = 0;
  #last = 0;
  /** The run of equal samples that is going on. */
  #level = 0;
  #length = 0;
  #entry = 0;

  push(samples: Float32Array): void {
    const peaks = this.#peaks;
    for (let i = 0; i < samples.length; i++) {
      const value = samples[i] as number;
      if (Math.abs(value - this.#level) <= equalWithin) this.#length++;
      else {
        if (this.#length >= shortestTop) this.#endRun(value);
        this.#entry = value - this.#last;
        this.#level = value;
        this.#length = 1;
      }
      if (value > (peaks[0] as number)) peaks[0] = value;
      else if (-value > (peaks[1] as number)) peaks[1] = -value;
      this.#last = value;
      this.#at++;
    }
  }

  tops(): Tops[] {
    return this.#counts.flatMap((counts, sign) => {
      const peak = this.#peaks[sign] ?? 0;
      let [samples, firstAt] = [0, Infinity];
      for (let slot = slotOf(peak * nearPeak); slot <= slotOf(peak); slot++) {
        const count = counts[slot] ?? 0;
        samples += count;
        if (count > 0) firstAt = Math.min(firstAt, this.#firsts[sign]?.[slot] ?? 0);
      }
      return samples === 0 ? [] : [{ samples, level: peak, firstAt }];
    });
  }

  #endRun(next: number): void {
    const level = this.#level;
    const sign = level > 0 ? 0 : 1;
    const height = Math.abs(level);
    const towards = sign === 0 ? 1 : -1;
    const [up, down] = [this.#entry * towards, (level - next) * towards];
    const isTop = up > 0 && down > 0 && Math.max(up, down) > cornerStep;
    const isSquare = Math.min(up, down) > 0.9 * height;
    if (!isTop || isSquare) return;
    const slot = slotOf(height);
    const counts = this.#counts[sign];
    if (counts === undefined) return;
    if (counts[slot] === 0) this.#firsts[sign]?.fill(this.#at - this.#length, slot, slot + 1);
    counts[slot] = (counts[slot] ?? 0) + this.#length;
  }
}

/** Levels up to twice full scale, which decoded lossy files reach. */
function slotOf(height: number): number {
  return Math.min(levels, Math.floor((height * levels) / 2));
}
