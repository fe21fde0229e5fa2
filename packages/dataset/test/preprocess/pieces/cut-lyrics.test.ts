import { describe, expect, test } from "vitest";
import { cutLyrics } from "../../../src/preprocess/pieces/cut-lyrics.js";
import { seededRandom } from "../../audio/sounds.js";

const lyrics = "[Verse]\nOne, two\nthree\n\n[Chorus]\nla la\nla la\n[Verse]\nfour";
const lines = [
  { start_s: 10, text: "One two" },
  { start_s: 15, text: "three" },
  { start_s: 30, text: "la la" },
  { start_s: 35, text: "la la" },
  { start_s: 50, text: "four", end_s: 53 },
];

describe("the lyrics of a chunk", () => {
  test("are the lines sung in it, with the tags before them", () => {
    expect(cutLyrics(lyrics, lines, 0, 25)).toBe("[Verse]\nOne, two\nthree");
    expect(cutLyrics(lyrics, lines, 25, 60)).toBe("[Chorus]\nla la\nla la\n[Verse]\nfour");
    expect(cutLyrics(lyrics, lines, 0, 60)).toBe(lyrics);
  });

  test("repeat the section's tag where the chunk begins inside it", () => {
    expect(cutLyrics(lyrics, lines, 14, 25)).toBe("[Verse]\nthree");
    expect(cutLyrics(lyrics, lines, 34, 45)).toBe("[Chorus]\nla la");
  });

  test("say that nobody sings where nobody does", () => {
    expect(cutLyrics(lyrics, lines, 54, 80)).toBe("[Instrumental]");
    expect(cutLyrics(lyrics, lines, 0, 5)).toBe("[Instrumental]");
  });

  test("hold a line where the greater part of it is sung", () => {
    // From 10 to 15: the middle is 12.5.
    expect(cutLyrics(lyrics, lines, 12, 17)).toBe("[Verse]\nOne, two");
    expect(cutLyrics(lyrics, lines, 13, 17)).toBe("[Instrumental]");
  });

  test("are not known where the stamps belong to other words, or to none", () => {
    expect(cutLyrics("something\nelse\nentirely", lines, 0, 20)).toBeUndefined();
    expect(cutLyrics("[Verse]", lines, 0, 20)).toBeUndefined();
  });

  test("of chunks that tile a song are each line once, whatever the cuts", () => {
    const random = seededRandom(4);
    for (let round = 0; round < 100; round++) {
      const stamps = Array.from({ length: 1 + Math.floor(20 * random()) }, () => 100 * random());
      const timed = stamps.sort((a, b) => a - b).map((start_s, i) => ({ start_s, text: `line ${i}` }));
      const text = timed.map((line) => line.text).join("\n");
      const cuts = [0, 200 * random(), 60 * random(), 30 * random(), 400].sort((a, b) => a - b);
      const parts = cuts.slice(1).map((end, i) => cutLyrics(text, timed, cuts[i] as number, end));
      const sung = parts.filter((part) => part !== "[Instrumental]").join("\n");
      expect(sung).toBe(text);
    }
  });
});
