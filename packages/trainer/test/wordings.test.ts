import { expect, test } from "vitest";
import { withWordings } from "../src/wordings.js";
import { testSongs } from "./quadratic-model.js";

const wordings = [
  { caption: 0, lyrics: true },
  { caption: null, lyrics: true },
];
const plain = testSongs([40, 56], { variants: 2 });
const worded = { ...plain, songs: plain.songs.map((song) => ({ ...song, wordings })) };
const never = { tensors: "songs", captionDropout: 0, lyricsDropout: 0 };

test("without dropout no wording with an empty field is counted or read", async () => {
  const samples = withWordings(worded, never);
  expect(samples.songs.map(({ conditionTokens }) => conditionTokens)).toEqual([[3], [3]]);
  expect(samples.songs.every(({ wordings: left }) => left === undefined)).toBe(true);
  expect((await samples.read(1)).conditions).toEqual((await plain.read(1)).conditions.slice(0, 1));
  expect(withWordings(plain, never)).toBe(plain);
});

test("with dropout all are there", () => {
  expect(withWordings(worded, { ...never, lyricsDropout: 0.1 })).toBe(worded);
});

test("songs that were preprocessed without are refused with the way out", () => {
  expect(() => withWordings(plain, { ...never, captionDropout: 0.1 })).toThrow(
    "captionDropout: songs: song-0 was preprocessed without the wordings it needs; preprocess the songs again with --field-dropout",
  );
});
