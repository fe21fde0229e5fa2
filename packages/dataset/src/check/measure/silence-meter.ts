/** Where nothing is heard, in seconds. */
export interface SilenceReport {
  startS: number;
  endS: number;
  /** The longest stretch that touches neither end, and where it begins. */
  longestInsideS: number;
  longestInsideAtS: number;
}

/** A block whose loudest sample stays below is silent: -60 dBFS. */
export const silentLevel = 1e-3;
const blocksPerSecond = 100;

/** Watches a stream in blocks of 10 ms. */
export class SilenceMeter {
  readonly #sampleRateHz: number;
  #received = 0;
  #blocks = 0;
  #loudest = 0;
  /** Blocks of the silence running now, and where the first sound stood. */
  #running = 0;
  #firstSound: number | undefined;
  #longest = 0;
  #longestAt = 0;

  constructor(sampleRateHz: number) {
    this.#sampleRateHz = sampleRateHz;
  }

  push(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    for (let from = 0; from < length;) {
      const blockEnd = Math.round(((this.#blocks + 1) * this.#sampleRateHz) / blocksPerSecond);
      const to = Math.min(length, from + blockEnd - this.#received);
      for (const samples of channels) {
        for (let i = from; i < to; i++)
          this.#loudest = Math.max(this.#loudest, Math.abs(samples[i] as number));
      }
      this.#received += to - from;
      from = to;
      if (this.#received === blockEnd) this.#endBlock();
    }
  }

  report(): SilenceReport {
    if (this.#received > Math.round((this.#blocks * this.#sampleRateHz) / blocksPerSecond)) this.#endBlock();
    const whole = this.#blocks / blocksPerSecond;
    return {
      startS: this.#firstSound === undefined ? whole : this.#firstSound / blocksPerSecond,
      endS: this.#running / blocksPerSecond,
      longestInsideS: this.#longest / blocksPerSecond,
      longestInsideAtS: this.#longestAt / blocksPerSecond,
    };
  }

  #endBlock(): void {
    if (this.#loudest < silentLevel) this.#running++;
    else {
      if (this.#firstSound !== undefined && this.#running > this.#longest) {
        this.#longest = this.#running;
        this.#longestAt = this.#blocks - this.#running;
      }
      this.#firstSound ??= this.#blocks;
      this.#running = 0;
    }
    this.#blocks++;
    this.#loudest = 0;
  }
}
