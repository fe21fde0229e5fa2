import { uniforms } from "../gaussian.js";
import type { StructureMarks } from "./structure-marks.js";

/** A stretch of a song, in seconds from its beginning. */
export interface ChunkRange {
  readonly startS: number;
  readonly endS: number;
}

/** Where a chunk ends; `clock` where nothing in the song says. */
export type CutKind = "section" | "bar" | "lyric line" | "clock" | "end of the song";

export interface StructureChunk extends ChunkRange {
  readonly endsAt: CutKind;
}

/**
 * Seeded chunks of `chunkS` seconds: the song is divided into as many stretches as chunks are wanted, and one start is drawn
 * in each, so that no part of a song is left out by chance alone. A song no longer than a chunk is one piece.
 *
 * @param count 0 for as many as cover the song once
 * @param key chunks of equal keys are equal
 */
export function randomChunks(durationS: number, chunkS: number, count: number, key: string): ChunkRange[] {
  if (durationS <= chunkS) return [{ startS: 0, endS: durationS }];
  const wanted = count === 0 ? Math.ceil(durationS / chunkS) : count;
  const room = durationS - chunkS;
  return Array.from(uniforms(key, wanted), (share, index) => {
    const startS = hundredths(Math.min(room, ((index + share) / wanted) * room));
    return { startS, endS: hundredths(startS + chunkS) };
  });
}

/**
 * Chunks of at most `chunkS` seconds that tile the song and end where it has a seam: at a section, else a bar, else a lyric
 * line, else by the clock. No chunk is shorter than a quarter of `chunkS`, unless the song is.
 */
export function structureChunks(durationS: number, chunkS: number, marks: StructureMarks): StructureChunk[] {
  const chunks: StructureChunk[] = [];
  let at = 0;
  while (durationS - at > chunkS) {
    const rest = durationS - at;
    const isLastButOne = rest <= 1.5 * chunkS;
    const from = at + (isLastButOne ? Math.max(rest - chunkS, chunkS / 4) : chunkS / 2);
    const to = at + (isLastButOne ? Math.min(chunkS, rest - chunkS / 4) : chunkS);
    // Long chunks on the way, two of one size at the end.
    const { atS, kind } = bestCut(marks, from, to, isLastButOne ? at + rest / 2 : to);
    chunks.push({ startS: at, endS: atS, endsAt: kind });
    at = atS;
  }
  chunks.push({ startS: at, endS: durationS, endsAt: "end of the song" });
  return chunks;
}

function bestCut(
  marks: StructureMarks,
  from: number,
  to: number,
  wanted: number,
): { atS: number; kind: CutKind } {
  const kinds = [
    ["section", marks.sections],
    ["bar", marks.bars],
    ["lyric line", marks.lyricLines],
  ] as const;
  for (const [kind, times] of kinds) {
    const inside = times.map(hundredths).filter((time) => time >= from && time <= to);
    const nearest = inside.sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0];
    if (nearest !== undefined) return { atS: nearest, kind };
  }
  return { atS: Math.min(to, Math.max(from, hundredths(wanted))), kind: "clock" };
}

/** Cuts are at whole hundredths, so that metadata says exactly what was cut. */
function hundredths(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
