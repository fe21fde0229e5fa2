import { expect, test } from "vitest";
import { splitSongs, validationPlaces } from "../../src/plan/validation.js";

test("a split is a partition that depends on the seed alone", () => {
  for (let songs = 2; songs <= 40; songs++) {
    for (const fraction of [0.1, 0.25, 0.5]) {
      const split = splitSongs(songs, fraction, songs * 7);
      if (split === undefined) continue;
      const { training, validation } = split;
      expect([...training, ...validation].sort((a, b) => a - b)).toEqual(
        Array.from({ length: songs }, (_, i) => i),
      );
      expect(validation).toHaveLength(Math.max(1, Math.round(songs * fraction)));
      expect(training.length).toBeGreaterThan(0);
      expect(splitSongs(songs, fraction, songs * 7)).toEqual(split);
    }
  }
  const seeds = [1, 2, 3, 4, 5, 6].map((seed) => splitSongs(30, 0.2, seed)?.validation.join());
  expect(new Set(seeds).size).toBeGreaterThan(3);
});

test("without a fraction all songs are trained on; one song cannot be split", () => {
  expect(splitSongs(3, 0, 1)).toEqual({ training: [0, 1, 2], validation: [] });
  expect(splitSongs(1, 0.5, 1)).toBeUndefined();
});

test("validation asks each song the same questions, each with noise of its own", () => {
  const songs = [2, 3].map((index) => ({ index, shape: { frames: 100, conditionTokens: [4, 5] } }));
  const places = validationPlaces(songs, { draws: 3, cropFrames: 20, seed: 1 });
  expect(places).toEqual(validationPlaces(songs, { draws: 3, cropFrames: 20, seed: 1 }));
  expect(places.map(({ song }) => song)).toEqual([2, 2, 2, 3, 3, 3]);
  expect(new Set(places.map(({ key }) => key)).size).toBe(6);
  const startsOf = (seed: number) =>
    validationPlaces(songs, { draws: 3, cropFrames: 20, seed }).map(({ start }) => start);
  expect(startsOf(2)).not.toEqual(startsOf(1));
  expect(places.every(({ variant, frames }) => variant === 0 && frames === 20)).toBe(true);
});
