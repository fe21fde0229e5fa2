import { framesPerSecond } from "./measure/spectral-frames.js";
import type { Sketch } from "./measure/landmarks.js";

/** Two songs that sound alike. */
export interface Likeness {
  /** Index of the earlier song. */
  first: number;
  /** Seconds by which the later one's sound comes after the earlier one's. */
  shiftS: number;
  /** Share of its landmarks that the later song has in common with the earlier, at that shift. */
  share: number;
}

/** Landmarks that must agree in time. Copies of real songs had 19 to 74 of 96, unrelated songs at most 3. */
const leastAgreeing = 9;
/** A song with fewer has too little happening in it to be told apart. */
const leastLandmarks = 24;
/** Frames (of 40 ms) by which agreeing landmarks may differ. */
const tolerance = 2;

/**
 * Finds songs that were heard before, whatever became of their encoding, level or beginning. Landmarks lead to songs through
 * an index, so that songs are not compared pairwise; two songs are alike when enough of the landmarks they share
 * are shifted by the same time.
 */
export class NearDuplicates {
  readonly #songsOfKey = new Map<number, number[]>();
  readonly #sketches: Sketch[] = [];

  /** Takes the next song and tells which earlier one it is most like. */
  add(sketch: Sketch): Likeness | undefined {
    const index = this.#sketches.push(sketch) - 1;
    if (sketch.keys.length < leastLandmarks) return undefined;
    const shared = new Map<number, number>();
    for (const key of sketch.keys) {
      const songs = this.#songsOfKey.get(key);
      if (songs === undefined) {
        this.#songsOfKey.set(key, [index]);
        continue;
      }
      for (const song of songs) shared.set(song, (shared.get(song) ?? 0) + 1);
      songs.push(index);
    }
    let best: Likeness | undefined;
    for (const [first, count] of shared) {
      const earlier = this.#sketches[first];
      if (count < leastAgreeing || earlier === undefined) continue;
      const { agreeing, shift } = commonShift(earlier, sketch);
      const share = agreeing / Math.min(earlier.keys.length, sketch.keys.length);
      if (agreeing < leastAgreeing || share <= (best?.share ?? 0)) continue;
      best = { first, shiftS: shift / framesPerSecond, share };
    }
    return best;
  }
}

/** How many shared landmarks agree on one shift in time, and on which. */
function commonShift(a: Sketch, b: Sketch): { agreeing: number; shift: number } {
  const frameInA = new Map(a.keys.map((key, place) => [key, a.frames[place] ?? 0]));
  const shifts = b.keys
    .flatMap((key, place) => {
      const frame = frameInA.get(key);
      return frame === undefined ? [] : [(b.frames[place] ?? 0) - frame];
    })
    .sort((x, y) => x - y);
  let best = { agreeing: 0, shift: 0 };
  for (let from = 0, to = 0; to < shifts.length; to++) {
    while ((shifts[to] ?? 0) - (shifts[from] ?? 0) > tolerance) from++;
    const agreeing = to - from + 1;
    if (agreeing > best.agreeing) best = { agreeing, shift: shifts[(from + to) >> 1] ?? 0 };
  }
  return best;
}
