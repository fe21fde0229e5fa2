/**
 * What a random stream is for. Streams of different purposes never share numbers, whatever the seed and the counters.
 * The values stand in old runs' results: never change them.
 */
export const purposes = {
  order: 1,
  batchOrder: 2,
  crop: 3,
  variant: 4,
  validationSplit: 5,
  validationCrop: 6,
  cropOffset: 7,
  captionDropout: 8,
  lyricsDropout: 9,
  regularization: 10,
  mixedOrder: 11,
  adaptiveTimestep: 12,
  invented: 13,
} as const;
export type Purpose = keyof typeof purposes;

const mask = (1n << 64n) - 1n;

/** Finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words that scatters near inputs far apart. */
function mix(word: bigint): bigint {
  let z = (word + 0x9e3779b97f4a7c15n) & mask;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
  return z ^ (z >> 31n);
}

/**
 * Uniform numbers in [0, 1) with 53 bits that are a function of (seed, purpose, counters) alone: there is no state to
 * save, so a resumed run draws what an uninterrupted one would.
 */
export function randomStream(seed: number, purpose: Purpose, ...counters: readonly number[]): () => number {
  let state = mix(mix(BigInt(seed)) ^ BigInt(purposes[purpose]));
  for (const counter of counters) state = mix(state ^ BigInt(counter));
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    return Number(mix(state) >> 11n) / 2 ** 53;
  };
}

/** A whole number in [0, below). */
export function randomBelow(next: () => number, below: number): number {
  return Math.floor(next() * below);
}

/** Shuffles in place (Fisher-Yates) and returns the same array. */
export function shuffle<T>(items: T[], next: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomBelow(next, i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
