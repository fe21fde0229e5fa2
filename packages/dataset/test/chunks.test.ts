import { AceError } from "@acewright/core-native";
import { describe, expect, test } from "vitest";
import { planChunks } from "../src/chunks.js";

describe("for every small length, chunk and overlap", () => {
  const cases: [length: number, chunk: number, overlap: number][] = [];
  for (let length = 0; length <= 40; length++) {
    for (let overlap = 0; overlap <= 5; overlap++) {
      for (let chunk = 2 * overlap + 1; chunk <= 2 * overlap + 9; chunk++)
        cases.push([length, chunk, overlap]);
    }
  }

  test("what is kept tiles the length exactly", () => {
    for (const [length, chunk, overlap] of cases) {
      let at = 0;
      for (const { keep } of planChunks(length, chunk, overlap)) {
        expect(keep.from).toBe(at);
        expect(keep.to).toBeGreaterThan(keep.from);
        at = keep.to;
      }
      expect(at).toBe(length);
    }
  });

  test("what is read holds what is kept with the whole overlap, but for the ends, and is never above the chunk", () => {
    for (const [length, chunk, overlap] of cases) {
      for (const { read, keep } of planChunks(length, chunk, overlap)) {
        expect(read.to - read.from).toBeLessThanOrEqual(chunk);
        if (length <= chunk) expect(read).toEqual({ from: 0, to: length });
        else
          expect(read).toEqual({
            from: Math.max(0, keep.from - overlap),
            to: Math.min(length, keep.to + overlap),
          });
      }
    }
  });
});

test("the windows are those of the published tiling: 30 s with 2 s on both sides", () => {
  expect(planChunks(1600, 750, 50).map(({ read, keep }) => [read.from, keep.from, keep.to, read.to])).toEqual(
    [
      [0, 0, 650, 700],
      [600, 650, 1300, 1350],
      [1250, 1300, 1600, 1600],
    ],
  );
});

test.each([
  [10, 4, 2],
  [10, 0, 0],
  [10, -1, 0],
  [10, 5, -1],
  [-1, 5, 1],
  [10.5, 5, 1],
  [10, NaN, 1],
])("length %d, chunk %d, overlap %d is refused", (length, chunk, overlap) => {
  expect(() => planChunks(length, chunk, overlap)).toThrow(AceError);
});
