import { expect, test } from "vitest";
import { songId } from "../../src/scan/song-sample.js";

test("a song's id is the same on every scan, and another where it is taken", () => {
  const taken = new Set<string>();
  const first = songId("a/song.wav", taken);
  const second = songId("a/song.wav", taken);
  expect(first).toMatch(/^[0-9a-f]{8}$/);
  expect(second).toMatch(/^[0-9a-f]{8}$/);
  expect(second).not.toBe(first);
  expect(taken).toEqual(new Set([first, second]));
  expect(songId("a/song.wav", new Set())).toBe(first);
});
