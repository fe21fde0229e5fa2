import type { TensorFile, TensorMetadata } from "../tensors/tensor-file.js";
import type { StoredSong, TensorStore } from "../tensors/tensor-store.js";
import type { LevelSettings } from "./audio/level.js";
import type { Piece } from "./pieces/piece.js";

/** Raised whenever equal inputs would no longer give equal tensors. */
const recipeVersion = 1;

/** Everything a song's tensors depend on; equal recipes give equal tensors. */
export interface Recipe {
  readonly version: number;
  /** SHA-256 of the audio file. */
  readonly audio: string;
  /** Captions, lyrics and metas. */
  readonly prompt: TensorMetadata["prompt"];
  readonly conditioning: string;
  readonly posterior: string;
  /** Absent where no noise is drawn. */
  readonly seed?: number;
  readonly maxDurationS?: number;
  /** Absent for the whole song as it is. */
  readonly piece?: Piece;
  /** Absent where no prompt is encoded with a field left empty. */
  readonly fieldDropout?: true;
  /** Absent where the level is left alone; of a variant alone the ceiling. */
  readonly level?: Partial<LevelSettings>;
  /** Fingerprints of the networks. */
  readonly model: string;
  readonly vae: string;
  readonly textEncoder: string;
}

export function makeRecipe(parts: Omit<Recipe, "version">): Recipe {
  return { version: recipeVersion, ...parts };
}

const words: Readonly<Record<keyof Recipe, string>> = {
  version: "they were made by another version",
  audio: "the audio file changed",
  prompt: "caption, lyrics or metas changed",
  conditioning: "the conditioning changed",
  posterior: "the choice of sample or mean changed",
  seed: "the seed changed",
  maxDurationS: "the maximum duration changed",
  piece: "the chunk or the variant changed",
  fieldDropout: "prompts with an empty field were asked for, or no longer",
  level: "the normalisation changed",
  model: "they belong to another model",
  vae: "the autoencoder changed",
  textEncoder: "the text encoder or its tokenizer changed",
};

/** Why tensors of one recipe do not stand for another; undefined when they do. */
export function recipeDifference(old: Readonly<Record<string, unknown>>, now: Recipe): string | undefined {
  const keys = Object.keys(words) as (keyof Recipe)[];
  const changed = keys.filter((key) => canonical(old[key]) !== canonical(now[key]));
  return changed.length === 0 ? undefined : changed.map((key) => words[key]).join(", ");
}

/** The part of a recipe that the latents alone depend on. */
export function latentsRecipe({
  version,
  audio,
  posterior,
  seed,
  maxDurationS,
  piece,
  level,
  vae,
}: Recipe): Partial<Recipe> {
  return { version, audio, posterior, vae, ...defined({ seed, maxDurationS, piece, level }) };
}

/** A tensor file that is already there. */
export type ExistingTensors =
  | { readonly state: "none" }
  /** `latents` where they at least are still right. */
  | { readonly state: "stale"; readonly reason: string; readonly latents?: TensorFile }
  | { readonly state: "valid"; readonly song: StoredSong };

/** Looks whether a store holds the tensors that this recipe would give, undamaged. */
export async function existingTensors(
  store: Pick<TensorStore, "find">,
  id: string,
  recipe: Recipe,
): Promise<ExistingTensors> {
  try {
    const file = await store.find(id);
    if (file === undefined) return { state: "none" };
    const old = file.metadata.recipe;
    const reason = recipeDifference(old, recipe);
    if (reason === undefined) return { state: "valid", song: file };
    const sameLatents =
      canonical(latentsRecipe(old as unknown as Recipe)) === canonical(latentsRecipe(recipe));
    return { state: "stale", reason, ...(sameLatents ? { latents: file } : {}) };
  } catch (error) {
    return { state: "stale", reason: (error as Error).message };
  }
}

/** Without the keys that are undefined. */
export function defined<Values extends object>(
  values: Values,
): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof defined<Values>
  >;
}

/** JSON with sorted keys, so that two equal values have one text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
