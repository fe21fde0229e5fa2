import { describe, expect, test } from "vitest";
import { randomChunks, structureChunks } from "../../../src/preprocess/pieces/plan-chunks.js";
import { seededRandom } from "../../audio/sounds.js";

const none = { sections: [], bars: [], lyricLines: [] };

describe("random chunks", () => {
  test("lie in the song, have the length asked for, and cover it once on average, for any lengths", () => {
    const random = seededRandom(1);
    for (let round = 0; round < 300; round++) {
      const durationS = 1 + 600 * random();
      const chunkS = 4 + 100 * random();
      const count = random() < 0.5 ? 0 : 1 + Math.floor(9 * random());
      const chunks = randomChunks(durationS, chunkS, count, `key ${round}`);
      if (durationS <= chunkS) {
        expect(chunks).toEqual([{ startS: 0, endS: durationS }]);
        continue;
      }
      expect(chunks).toHaveLength(count === 0 ? Math.ceil(durationS / chunkS) : count);
      for (const { startS, endS } of chunks) {
        expect(startS).toBeGreaterThanOrEqual(0);
        expect(endS).toBeLessThanOrEqual(durationS + 0.01);
        expect(Math.abs(endS - startS - chunkS)).toBeLessThan(0.011);
      }
      expect(chunks.map(({ startS }) => startS)).toEqual(
        chunks.map(({ startS }) => startS).sort((a, b) => a - b),
      );
    }
  });

  test("are the same for the same key, and others for another", () => {
    const chunks = randomChunks(240, 30, 0, "0 chunks a");
    expect(randomChunks(240, 30, 0, "0 chunks a")).toEqual(chunks);
    expect(randomChunks(240, 30, 0, "1 chunks a")).not.toEqual(chunks);
  });
});

describe("structure chunks", () => {
  test("tile any song, none longer than asked for, none shorter than a quarter of it", () => {
    const random = seededRandom(2);
    const times = (durationS: number, count: number): number[] =>
      Array.from({ length: count }, () => durationS * random()).sort((a, b) => a - b);
    for (let round = 0; round < 400; round++) {
      const durationS = 1 + 500 * random();
      const chunkS = 4 + 80 * random();
      const marks = {
        sections: times(durationS, Math.floor(8 * random())),
        bars: times(durationS, Math.floor(60 * random())),
        lyricLines: times(durationS, Math.floor(30 * random())),
      };
      const chunks = structureChunks(durationS, chunkS, marks);
      expect(chunks[0]?.startS).toBe(0);
      expect(chunks.at(-1)?.endS).toBe(durationS);
      for (const [i, { startS, endS }] of chunks.entries()) {
        if (i > 0) expect(startS).toBe(chunks[i - 1]?.endS);
        expect(endS - startS).toBeLessThanOrEqual(chunkS + 0.011);
        if (chunks.length > 1) expect(endS - startS).toBeGreaterThanOrEqual(chunkS / 4 - 0.011);
      }
    }
  });

  test("end at a section before a bar, at a bar before a lyric line, and else by the clock", () => {
    const marks = { sections: [28, 61], bars: [20, 40, 59, 80], lyricLines: [95] };
    const cuts = structureChunks(130, 40, marks).map(({ endS, endsAt }) => [endS, endsAt]);
    expect(cuts).toEqual([
      [28, "section"],
      [61, "section"],
      [95, "lyric line"],
      [130, "end of the song"],
    ]);
    expect(structureChunks(100, 40, none).map(({ endS, endsAt }) => [endS, endsAt])).toEqual([
      [40, "clock"],
      [70, "clock"],
      [100, "end of the song"],
    ]);
  });
});
