import { crop, type Place, type SongShape } from "./epoch.js";
import { randomStream, shuffle } from "./counter-random.js";

/** Songs by index: those trained on, those held out, and those of the regularization set. */
export interface Split {
  readonly training: readonly number[];
  readonly validation: readonly number[];
  readonly regularization: readonly number[];
}

/**
 * Holds out round(songs * fraction) songs chosen by the seed, at least one where the fraction is not 0; both lists
 * keep the songs' order. Undefined when nothing would be left to train on.
 */
export function splitSongs(
  songs: number,
  fraction: number,
  seed: number,
): Omit<Split, "regularization"> | undefined {
  const all = Array.from({ length: songs }, (_, i) => i);
  if (fraction === 0) return { training: all, validation: [] };
  const held = Math.max(1, Math.round(songs * fraction));
  if (held >= songs) return undefined;
  const chosen = new Set(shuffle([...all], randomStream(seed, "validationSplit")).slice(0, held));
  return { training: all.filter((i) => !chosen.has(i)), validation: all.filter((i) => chosen.has(i)) };
}

/** A place of a validation batch; `key` picks its noise and timestep, the same in every validation. */
export interface ValidationPlace extends Place {
  readonly key: number;
}

/** The fixed questions every validation asks: `draws` of each song, one a batch, always the first caption. */
export function validationPlaces(
  songs: readonly { readonly index: number; readonly shape: SongShape }[],
  settings: { readonly draws: number; readonly cropFrames: number | undefined; readonly seed: number },
): ValidationPlace[] {
  return songs.flatMap(({ index, shape }) =>
    Array.from({ length: settings.draws }, (_, draw) => {
      const next = randomStream(settings.seed, "validationCrop", index, draw);
      return {
        song: index,
        ...crop(shape.frames, settings.cropFrames, next),
        variant: 0,
        key: index * settings.draws + draw,
      };
    }),
  );
}
