/** A wall in a song's spectrum: as good as nothing lies above it. */
export interface Cutoff {
  hz: number;
  /** How far the level falls across it. */
  dropDb: number;
}

const bandHz = 100;
const lowestDb = -150;
const stepsDb = 160;
/** Moments quieter than this say nothing of a song's highs. */
const silentPower = 1e-6;
/** What a tenth of all moments exceed: cymbals count, a click or a clipped moment does not. */
const loudShare = 0.9;

/** Below this, walls are made by instruments and filters, not by encoders. */
const lowestCutoffHz = 3500;
/** Music falls by some dB across two kilohertz; only an encoder or a resampler cuts this steeply. */
const wallDb = 20;
/** Bands looked at on either side of a wall, and between them the wall itself. */
const sideBands = 9;
const wallBands = 3;

/**
 * Finds the frequency above which a song was cut off: a lossy encoder's low-pass or the former half of a lower sample rate.
 * Only a wall counts: continuous sound below it, at least 20 dB less within half a kilohertz, and nothing above; quiet or
 * dark music fades out instead, and single tones are no continuous sound.
 */
export class CutoffMeter {
  readonly #bands: number;
  readonly #binHz: number;
  /** For each band, how many moments had which level. */
  readonly #counts: Uint32Array;
  #moments = 0;

  constructor(sampleRateHz: number, binHz: number) {
    this.#binHz = binHz;
    this.#bands = Math.floor(sampleRateHz / 2 / bandHz);
    this.#counts = new Uint32Array(this.#bands * stepsDb);
  }

  push(power: Float64Array): void {
    let whole = 0;
    for (const value of power) whole += value;
    if (whole < silentPower) return;
    this.#moments++;
    for (let band = 0; band < this.#bands; band++) {
      const from = Math.ceil((band * bandHz) / this.#binHz);
      const to = Math.max(from + 1, Math.ceil(((band + 1) * bandHz) / this.#binHz));
      let sum = 0;
      for (let bin = from; bin < to; bin++) sum += power[bin] ?? 0;
      const level = 10 * Math.log10(sum / (to - from) + 1e-16);
      const step = Math.min(stepsDb - 1, Math.max(0, Math.floor(level - lowestDb)));
      const slot = band * stepsDb + step;
      this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    }
  }

  /** The steepest wall, or undefined where there is none. */
  report(): Cutoff | undefined {
    if (this.#moments === 0) return undefined;
    const levels = Array.from({ length: this.#bands }, (_, band) => this.#loudLevel(band));
    let best: { band: number; dropDb: number } | undefined;
    for (let band = lowestCutoffHz / bandHz; band + wallBands + 3 <= this.#bands; band++) {
      const below = quantile(levels.slice(band - sideBands, band), 0.25);
      const beyond = levels.slice(band + wallBands);
      const above = Math.max(quantile(beyond.slice(0, sideBands), 0.75), quantile(beyond, 0.95));
      const dropDb = below - above;
      if (dropDb >= wallDb && dropDb > (best?.dropDb ?? 0)) best = { band, dropDb };
    }
    return best === undefined
      ? undefined
      : { hz: this.#edge(levels, best.band) * bandHz, dropDb: Math.round(best.dropDb) };
  }

  /** Where the level has fallen by half of the wall, within it. */
  #edge(levels: readonly number[], band: number): number {
    const below = quantile(levels.slice(band - sideBands, band), 0.25);
    let edge = band - 2;
    while (edge < band + wallBands && (levels[edge] ?? lowestDb) > below - wallDb / 2) edge++;
    return edge;
  }

  #loudLevel(band: number): number {
    let left = this.#moments * loudShare;
    for (let step = 0; step < stepsDb; step++) {
      left -= this.#counts[band * stepsDb + step] ?? 0;
      if (left <= 0) return lowestDb + step;
    }
    return lowestDb + stepsDb;
  }
}

/** The value below which a share of the values lies. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? lowestDb;
}
