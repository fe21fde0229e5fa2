import { AceError } from "@acewright/core-native";
import type { LevelChange } from "./audio/level.js";
import { unchanged } from "./audio/level.js";
import type { PendingSong, PhaseContext } from "./phase.js";
import { latentsRecipe } from "./recipe.js";
import type { SongWork } from "./song-work.js";

/** Latents of a piece [frames, channels], and what is known of the sound behind them. */
export interface PieceLatents {
  readonly latents: Float32Array;
  readonly durationS: number;
  readonly level?: LevelChange | undefined;
}

/** Leaves a song's latents for the phases after. */
export function writeLatents(
  { parts, silence }: PhaseContext,
  song: PendingSong,
  { latents, durationS, level }: PieceLatents,
): void {
  const shape = [latents.length / silence.channels, silence.channels];
  const notes = { durationS: String(durationS), level: JSON.stringify(level ?? unchanged) };
  parts.write(latentsPart(song), latentsRecipe(song.recipe), {
    tensors: { latents: { values: latents, shape } },
    notes,
  });
}

/** The latents an earlier phase left. */
export function readLatents(
  { parts }: PhaseContext,
  song: PendingSong,
): Required<PieceLatents> & { frames: number } {
  const { tensors, notes } = parts.read(latentsPart(song), latentsRecipe(song.recipe));
  const latents = part(tensors, "latents");
  return {
    latents,
    frames: tensors["latents"]?.shape[0] as number,
    durationS: Number(notes["durationS"]),
    level: JSON.parse(notes["level"] as string) as LevelChange,
  };
}

/** One array of a part. */
export function part(
  tensors: Readonly<Record<string, { values: Float32Array }>>,
  name: string,
): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined)
    throw new AceError("ERR_FILE", `a part file lacks ${name}; remove .parts and preprocess again`);
  return tensor.values;
}

/** Names within a part of text and lyric states: of a caption, or of the empty one; of the lyrics, or of none. */
export const textName = (caption: number | null): string => `text.${caption ?? "empty"}`;
export const textMaskName = (caption: number | null): string => `textMask.${caption ?? "empty"}`;
export const lyricsName = (sung: boolean): string => (sung ? "lyrics" : "lyrics.empty");
export const lyricMaskName = (sung: boolean): string => (sung ? "lyricMask" : "lyricMask.empty");

/** Name of a song's part of latents. */
export function latentsPart({ id }: SongWork): string {
  return `${id}.latents`;
}

/** Name of a song's part of text and lyric states. */
export function promptPart({ id }: SongWork): string {
  return `${id}.prompts`;
}
