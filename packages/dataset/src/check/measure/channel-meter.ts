/** What the samples of one or two channels say by themselves, whatever their order in time. */
export interface ChannelReport {
  /** Largest magnitude, 1 being full scale. */
  peak: number;
  /** Mean of each channel: 0 but for a fault of the recording. */
  dcOffset: number[];
  /** How the two sides relate; `mono` for a file with one channel. */
  image: "stereo" | "mono" | "identical" | "inverted" | "left-dead" | "right-dead";
}

/** One side is dead, or both the same, when what is left of the difference is 60 dB down. */
const lostPower = 1e-6;
/** Inverted sides cancel by 40 dB when they are added: a lossy encoder leaves some of it. */
const cancelledPower = 1e-4;
/** Less than this mean square is silence (-80 dBFS), of which no image can be told. */
const silentPower = 1e-8;

/** Sums over a stream of one or two channels. */
export class ChannelMeter {
  #samples = 0;
  #isMono = true;
  #peak = 0;
  #sumLeft = 0;
  #sumRight = 0;
  #powerLeft = 0;
  #powerRight = 0;
  #powerMid = 0;
  #powerSide = 0;

  push(channels: readonly Float32Array[]): void {
    const [left, right = left] = channels;
    if (left === undefined || right === undefined) return;
    if (right !== left) this.#isMono = false;
    let [peak, sumL, sumR, powerL, powerR, mid, side] = [this.#peak, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < left.length; i++) {
      const l = left[i] as number;
      const r = right[i] as number;
      peak = Math.max(peak, Math.abs(l), Math.abs(r));
      sumL += l;
      sumR += r;
      powerL += l * l;
      powerR += r * r;
      mid += (l + r) * (l + r);
      side += (l - r) * (l - r);
    }
    this.#samples += left.length;
    this.#peak = peak;
    this.#sumLeft += sumL;
    this.#sumRight += sumR;
    this.#powerLeft += powerL;
    this.#powerRight += powerR;
    this.#powerMid += mid;
    this.#powerSide += side;
  }

  report(): ChannelReport {
    const count = Math.max(1, this.#samples);
    const offsets = [this.#sumLeft / count, this.#sumRight / count];
    return {
      peak: this.#peak,
      dcOffset: this.#isMono ? offsets.slice(0, 1) : offsets,
      image: this.#isMono ? "mono" : this.#image(offsets, count),
    };
  }

  /** Powers without the constant part, which would pass for sound. */
  #image([dcLeft = 0, dcRight = 0]: readonly number[], count: number): ChannelReport["image"] {
    const left = this.#powerLeft / count - dcLeft ** 2;
    const right = this.#powerRight / count - dcRight ** 2;
    const both = left + right;
    if (both < silentPower) return "stereo";
    if (right < lostPower * left) return "right-dead";
    if (left < lostPower * right) return "left-dead";
    if (this.#powerSide / count - (dcLeft - dcRight) ** 2 < lostPower * both) return "identical";
    if (this.#powerMid / count - (dcLeft + dcRight) ** 2 < cancelledPower * both) return "inverted";
    return "stereo";
  }
}
