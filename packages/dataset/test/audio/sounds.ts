/** Left channel of the fixtures (see fixtures/audio/make.sh): a sweep from 200 to 2000 Hz in 0.6 s. */
export function sweep(frames: number, rateHz: number, gain = 0.5): Float32Array {
  return Float32Array.from({ length: frames }, (_, frame) => {
    const t = frame / rateHz;
    return gain * Math.sin(2 * Math.PI * (200 * t + 1500 * t * t));
  });
}

/** A steady sine. */
export function sine(frames: number, rateHz: number, hz: number, gain = 0.5): Float32Array {
  return Float32Array.from(
    { length: frames },
    (_, frame) => gain * Math.sin((2 * Math.PI * hz * frame) / rateHz),
  );
}

/** How well `got` is `gain * wanted` for the best gain, over the middle of the two (edges may ring). */
export function fit(got: Float32Array, wanted: Float32Array, skip = 0.1): { snrDb: number; gain: number } {
  let cross = 0;
  let energy = 0;
  let total = 0;
  const from = Math.floor(got.length * skip);
  for (let i = from; i < got.length - from; i++) {
    cross += (got[i] as number) * (wanted[i] as number);
    energy += (wanted[i] as number) ** 2;
    total += (got[i] as number) ** 2;
  }
  const explained = (cross * cross) / energy;
  return { snrDb: 10 * Math.log10(explained / (total - explained)), gain: cross / energy };
}

/** A small generator of repeatable numbers in [0, 1) (mulberry32), for property and fault tests. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}
