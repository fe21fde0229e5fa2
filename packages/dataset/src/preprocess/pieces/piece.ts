import type { ChunkRange } from "./plan-chunks.js";
import type { Variant } from "./variant.js";
import { variantName } from "./variant.js";

/** What is made of a song: all of it as it is, or a chunk, or another take, or a chunk of another take. */
export interface Piece {
  readonly chunk?: ChunkRange;
  readonly variant?: Variant;
}

/** What stands behind a song's id in the id of a piece: `-c002-pitch2`; empty for the whole song as it is. */
export function pieceSuffix({ variant }: Piece, chunkNumber: number | undefined): string {
  const chunk = chunkNumber === undefined ? "" : `-c${String(chunkNumber).padStart(3, "0")}`;
  return chunk + (variant === undefined ? "" : `-${variantName(variant)}`);
}

/** Seconds a piece lasts, of a song of so many. */
export function pieceDurationS({ chunk, variant }: Piece, songS: number): number {
  const cutS = chunk === undefined ? songS : Math.min(chunk.endS, songS) - chunk.startS;
  return cutS / (variant?.tempo ?? 1);
}

/** Whether it is the whole song as it is. */
export function isWhole({ piece }: { readonly piece: Piece }): boolean {
  return piece.chunk === undefined && piece.variant === undefined;
}
