import { tagAt, viewOf, type ByteSource } from "./byte-source.js";
import { nextChunk } from "./wav-header.js";

/** Chunks that describe or hold samples, or fill up; every other may hold tags. */
const withoutTags = new Set(["fmt ", "data", "fact", "JUNK", "PAD ", "FLLR"]);

/** More than any writer makes; a forged file can hold millions. */
const mostChunks = 64;

/**
 * False when a plain WAV file holds nothing but samples and their format, which is the usual case and a hundred times
 * cheaper to see than to search it for tags. True when in doubt.
 */
export async function mayHoldWavTags(source: ByteSource): Promise<boolean> {
  if (tagAt(await source.read(0, 4), 0, 4) !== "RIFF") return true;
  let at = 12;
  for (let chunks = 0; at + 8 <= source.size; chunks++) {
    const head = (await source.read(at, 8)).slice();
    const bytes = viewOf(head).getUint32(4, true);
    const isOpenEnded = bytes === 0 || at + 8 + bytes > source.size;
    if (chunks === mostChunks || isOpenEnded || !withoutTags.has(tagAt(head, 0))) return true;
    at = await nextChunk(source, at + 8, bytes);
  }
  return false;
}
