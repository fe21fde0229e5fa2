import { AceError } from "@acewright/core-native";
import type { PendingSong, PhaseContext } from "./phase.js";
import { latentsRecipe } from "./recipe.js";
import type { SongWork } from "./song-work.js";

/** Leaves a song's latents [frames, channels] for the phases after. */
export function writeLatents(
  { parts, silence }: PhaseContext,
  song: PendingSong,
  values: Float32Array,
  durationS: number,
): void {
  const shape = [values.length / silence.channels, silence.channels];
  const notes = { durationS: String(durationS) };
  parts.write(latentsPart(song), latentsRecipe(song.recipe), {
    tensors: { latents: { values, shape } },
    notes,
  });
}

/** The latents an earlier phase left. */
export function readLatents(
  { parts }: PhaseContext,
  song: PendingSong,
): { latents: Float32Array; frames: number; durationS: number } {
  const { tensors, notes } = parts.read(latentsPart(song), latentsRecipe(song.recipe));
  const latents = part(tensors, "latents");
  return { latents, frames: tensors["latents"]?.shape[0] as number, durationS: Number(notes["durationS"]) };
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

/** Name of a song's part of latents. */
export function latentsPart({ id }: SongWork): string {
  return `${id}.latents`;
}

/** Name of a song's part of text and lyric states. */
export function promptPart({ id }: SongWork): string {
  return `${id}.prompts`;
}
