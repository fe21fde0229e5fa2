import { createHash } from "node:crypto";

/**
 * SHA-256 (hex) over what a file sounds like: its sample rate and its samples, rounded to 24 bits. A WAV and the FLAC made
 * of it have the same; a mono file and its copy on two channels too.
 */
export class ContentHash {
  readonly #sides = [createHash("sha256"), createHash("sha256")];
  readonly #sampleRateHz: number;

  constructor(sampleRateHz: number) {
    this.#sampleRateHz = sampleRateHz;
  }

  push(channels: readonly Float32Array[]): void {
    const [left, right = left] = channels;
    if (left === undefined || right === undefined) return;
    const words = new Int32Array(left.length);
    for (const [index, samples] of [left, right].entries()) {
      for (let i = 0; i < samples.length; i++) words[i] = Math.round((samples[i] as number) * 8388608);
      this.#sides[index]?.update(words);
    }
  }

  digest(): string {
    const whole = createHash("sha256").update(`${this.#sampleRateHz}\n`);
    for (const side of this.#sides) whole.update(side.digest());
    return whole.digest("hex");
  }
}
