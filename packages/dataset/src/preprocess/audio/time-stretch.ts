/** Stereo or mono; all channels are cut and joined at the same places, so that the image stays. */
type Channels = readonly Float32Array[];

const windowS = 0.06;
/** A join may be moved by so much to either side; half a period of 40 Hz, so that the lowest tones still find their phase. */
const searchS = 0.0125;
/** So far a join may wait for a place without an onset: a drum stroke in it would be lost or heard twice. */
const patienceS = 0.045;
/** The search first looks at every fourth sample of a smoothed copy, then at all around the best place. */
const coarse = 4;

/**
 * Changes the speed of a sound and keeps its pitch: WSOLA (Verhelst and Roelands 1993). Windows of 60 ms are taken from the
 * input at the new pace and overlapped; each is moved by up to 12.5 ms to where it continues the last one best, and later where a stroke begins. The result
 * has round(length / tempo) samples.
 *
 * @param tempo 1.05 for 5 % faster
 */
export function timeStretch(
  channels: Channels,
  tempo: number,
  sampleRateHz: number,
): Float32Array<ArrayBuffer>[] {
  const length = channels[0]?.length ?? 0;
  const outLength = Math.round(length / tempo);
  const hop = Math.round((windowS * sampleRateHz) / 2);
  const search = Math.round(searchS * sampleRateHz);
  const patience = Math.round(patienceS * sampleRateHz);
  if (tempo === 1 || length < 4 * hop) return channels.map((channel) => stretchShort(channel, outLength));
  const fade = Float32Array.from(
    { length: hop },
    (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / hop),
  );
  const mono = sumOf(channels);
  const matcher = new JoinMatcher(mono, hop, search);
  const onsets = new OnsetMap(mono, sampleRateHz);
  const out = channels.map(() => new Float32Array(outLength));
  const last = length - hop;
  let at = 0;
  for (const [c, channel] of channels.entries()) out[c]?.set(channel.subarray(0, Math.min(hop, outLength)));
  for (let written = hop; written < outLength; written += hop) {
    // What would follow the window before, and what the pace asks for: the second is moved to look like the first.
    const natural = at + hop;
    const wanted = Math.min(Math.round(written * tempo), last);
    const best = matcher.bestJoin(natural, wanted);
    const mayWait = Math.abs(natural - wanted) <= patience && natural <= last;
    const hurts = best !== natural && onsets.any(Math.min(best, natural), Math.max(best, natural) + hop);
    const next = hurts && mayWait ? natural : best;
    for (const [c, channel] of channels.entries()) {
      const target = out[c] as Float32Array;
      const count = Math.min(hop, outLength - written);
      for (let i = 0; i < count; i++) {
        const share = fade[i] as number;
        target[written + i] = (1 - share) * (channel[natural + i] ?? 0) + share * (channel[next + i] ?? 0);
      }
    }
    at = next;
  }
  return out;
}

/** A sound shorter than two windows has nothing to overlap: it is cut, or followed by silence. */
function stretchShort(channel: Float32Array, length: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(length);
  out.set(channel.subarray(0, length));
  return out;
}

/** Finds where a window continues another one best: the largest normalised correlation over one hop. */
class JoinMatcher {
  readonly #samples: Float32Array;
  readonly #smooth: Float32Array;
  readonly #hop: number;
  readonly #search: number;

  constructor(samples: Float32Array, hop: number, search: number) {
    this.#samples = samples;
    this.#smooth = decimated(samples);
    this.#hop = hop;
    this.#search = search;
  }

  /** Start, near `wanted`, of the hop that looks most like the one at `natural`. */
  bestJoin(natural: number, wanted: number): number {
    const limit = this.#samples.length - this.#hop;
    const least = Math.max(0, wanted - this.#search);
    const most = Math.min(limit, wanted + this.#search);
    if (natural >= least && natural <= most && natural <= limit) return natural;
    const from = Math.min(natural, limit);
    const rough =
      coarse *
      bestMatch(
        this.#smooth,
        Math.round(from / coarse),
        Math.ceil(least / coarse),
        Math.floor(most / coarse),
        Math.floor(this.#hop / coarse),
      );
    return bestMatch(
      this.#samples,
      from,
      Math.max(least, rough - coarse),
      Math.min(most, rough + coarse),
      this.#hop,
    );
  }
}

/** Place in [least, most] whose `count` samples correlate best with those at `from`. */
function bestMatch(samples: Float32Array, from: number, least: number, most: number, count: number): number {
  const length = Math.min(count, samples.length - Math.max(from, most));
  let energy = 0;
  for (let i = 0; i < length; i++) energy += (samples[least + i] as number) ** 2;
  let [best, bestScore] = [least, -Infinity];
  for (let place = least; place <= most; place++) {
    let product = 0;
    for (let i = 0; i < length; i++)
      product += (samples[from + i] as number) * (samples[place + i] as number);
    const score = product / Math.sqrt(energy + 1e-9);
    if (score > bestScore) [best, bestScore] = [place, score];
    energy += (samples[place + length] ?? 0) ** 2 - (samples[place] as number) ** 2;
  }
  return best;
}

/** Where strokes begin: blocks of 5 ms much louder than the 40 ms before them. */
class OnsetMap {
  readonly #block: number;
  /** Onsets before each block. */
  readonly #before: Int32Array;

  constructor(samples: Float32Array, sampleRateHz: number) {
    const [rise, memory, quiet] = [6, 8, 0.05];
    this.#block = Math.round(sampleRateHz / 200);
    const blocks = Math.ceil(samples.length / this.#block);
    const energy = new Float64Array(blocks);
    for (let i = 0; i < samples.length; i++) {
      const at = Math.floor(i / this.#block);
      energy[at] = (energy[at] as number) + (samples[i] as number) ** 2;
    }
    const floor = (quiet * energy.reduce((sum, value) => sum + value, 0)) / blocks;
    this.#before = new Int32Array(blocks + 1);
    for (let at = 0; at < blocks; at++) {
      const past = energy.subarray(Math.max(0, at - memory), at);
      const usual = past.reduce((sum, value) => sum + value, 0) / Math.max(1, past.length);
      const isOnset = (energy[at] as number) > floor && (energy[at] as number) > rise * usual;
      this.#before[at + 1] = (this.#before[at] as number) + (isOnset ? 1 : 0);
    }
  }

  /** Whether a stroke begins in [from, to). */
  any(from: number, to: number): boolean {
    const last = this.#before.length - 1;
    const first = Math.min(last, Math.floor(from / this.#block));
    const end = Math.min(last, Math.ceil(to / this.#block));
    return (this.#before[end] as number) > (this.#before[first] as number);
  }
}

function sumOf(channels: Channels): Float32Array {
  const sum = new Float32Array(channels[0]?.length ?? 0);
  for (const channel of channels) {
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (channel[i] as number);
  }
  return sum;
}

/** Means of four samples each. */
function decimated(samples: Float32Array): Float32Array {
  const out = new Float32Array(Math.floor(samples.length / coarse));
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let j = 0; j < coarse; j++) sum += samples[coarse * i + j] as number;
    out[i] = sum / coarse;
  }
  return out;
}
