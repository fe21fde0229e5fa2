import type { Sample, SampleAdditions } from "../../dataset-file/schema.js";
import type { TensorMetadata } from "../../tensors/tensor-file.js";
import type { PreprocessSettings } from "../settings.js";
import { keptDurationS } from "../settings.js";
import { cutLyrics } from "./cut-lyrics.js";
import type { Piece } from "./piece.js";
import type { ChunkRange } from "./plan-chunks.js";
import { randomChunks, structureChunks } from "./plan-chunks.js";
import { structureMarks } from "./structure-marks.js";
import type { Variant } from "./variant.js";
import { captionContradiction, parseVariant, variantMetas } from "./variant.js";

/** A piece of a song with the words that are true of it. */
export interface PromptedPiece {
  readonly piece: Piece;
  /** Counted from 1; undefined when the song is one piece. */
  readonly chunkNumber: number | undefined;
  readonly prompt: TensorMetadata["prompt"];
}

/** The pieces settings make of one song, chunk by chunk, each as it is and then in its variants; and remarks on them. */
export function songPieces(
  sample: Sample,
  whole: TensorMetadata["prompt"],
  durationS: number,
  settings: PreprocessSettings,
): { pieces: PromptedPiece[]; notes: string[] } {
  const notes: string[] = [];
  const keptS = Math.min(durationS, keptDurationS(settings) ?? Infinity);
  const chunks = planned(sample, keptS, settings, notes);
  const cropS = keptDurationS(settings);
  const crop = chunks.length === 0 && cropS !== undefined ? { startS: 0, endS: cropS } : undefined;
  const variants = settings.variants.map(parseVariant).filter((variant) => typeof variant !== "string");
  for (const [variant, caption] of variants.flatMap((v) => whole.captions.map((c) => [v, c] as const))) {
    const what = captionContradiction(caption, variant);
    if (what !== undefined)
      notes.push(`${what}, which is not true of its variants; leave it to the bpm and key fields`);
  }
  const pieces = (chunks.length === 0 ? [undefined] : chunks).flatMap((chunk, index) => {
    const sung = lyricsOf(sample, whole, chunk ?? crop, durationS, notes);
    return [undefined, ...variants].map((variant) => ({
      piece: pieceOf(chunk, variant),
      chunkNumber: chunk === undefined ? undefined : index + 1,
      prompt: { ...whole, ...sung, ...(variant === undefined ? {} : variantMetas(whole, variant)) },
    }));
  });
  return { pieces, notes: [...new Set(notes)] };
}

function pieceOf(chunk: ChunkRange | undefined, variant: Variant | undefined): Piece {
  return { ...(chunk === undefined ? {} : { chunk }), ...(variant === undefined ? {} : { variant }) };
}

/** No chunks where the song is one piece. */
function planned(
  sample: Sample,
  durationS: number,
  { chunks, chunkS, chunksPerSong, seed }: PreprocessSettings,
  notes: string[],
): ChunkRange[] {
  if (chunks === "none" || !(durationS > chunkS)) return [];
  if (chunks === "random") {
    return randomChunks(durationS, chunkS, chunksPerSong, `${seed} chunks ${sample.id} ${sample.filename}`);
  }
  const marks = structureMarks(sample);
  const cut = structureChunks(durationS, chunkS, marks);
  const byClock = cut.filter(({ endsAt }) => endsAt === "clock").length;
  if (byClock > 0) {
    notes.push(
      `${byClock} of ${cut.length - 1} cuts are by the clock: no section, bar or lyric line is known there; run dataset analyze, or give timed lyrics`,
    );
  }
  return cut.map(({ startS, endS }) => ({ startS, endS }));
}

/** Lyrics and language of a chunk; those of the whole song where nobody can say when they are sung. */
function lyricsOf(
  sample: Sample,
  { lyrics, language }: TensorMetadata["prompt"],
  range: ChunkRange | undefined,
  durationS: number,
  notes: string[],
): { lyrics: string; language: string } {
  if (
    range === undefined ||
    lyrics === "[Instrumental]" ||
    lyrics === "" ||
    range.endS - range.startS >= durationS
  )
    return { lyrics, language };
  const lines = ((sample["acewright"] ?? {}) as SampleAdditions).lyric_lines;
  const cut = Array.isArray(lines) ? cutLyrics(lyrics, lines, range.startS, range.endS) : undefined;
  if (cut === undefined) {
    notes.push(
      "a part of the song is given all of its lyrics: they have no stamps that say when they are sung; an .lrc beside the song would",
    );
    return { lyrics, language };
  }
  return { lyrics: cut, language };
}
