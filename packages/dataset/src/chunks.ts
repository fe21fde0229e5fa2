import { AceError } from "@acewright/core-native";

/** A stretch [from, to). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** One tile of a long signal: what is fed to the network, and which part of its result is kept. */
export interface Chunk {
  readonly read: Range;
  readonly keep: Range;
}

/**
 * Cuts [0, length) into tiles that are computed on their own and joined without a seam. The kept parts tile the length
 * exactly; what is read reaches `overlap` further on both sides, as far as there is signal.
 *
 * @param chunk longest stretch read at once, more than twice the overlap.
 * @throws {AceError} ERR_CONFIG for lengths that leave nothing to keep.
 */
export function planChunks(length: number, chunk: number, overlap: number): Chunk[] {
  if (![length, chunk, overlap].every((n) => Number.isSafeInteger(n) && n >= 0) || chunk <= 2 * overlap) {
    throw new AceError(
      "ERR_CONFIG",
      `a chunk of ${chunk} with an overlap of ${overlap} on both sides keeps nothing of a length of ${length}: the chunk must be more than twice the overlap`,
    );
  }
  if (length === 0) return [];
  const whole = { from: 0, to: length };
  if (length <= chunk) return [{ read: whole, keep: whole }];
  const stride = chunk - 2 * overlap;
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => {
    const keep = { from: i * stride, to: Math.min((i + 1) * stride, length) };
    const read = { from: Math.max(keep.from - overlap, 0), to: Math.min(keep.to + overlap, length) };
    return { read, keep };
  });
}
