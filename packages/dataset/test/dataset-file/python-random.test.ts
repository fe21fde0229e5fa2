import { describe, expect, it } from "vitest";
import { PythonRandom } from "../../src/dataset-file/python-random.js";

// Every figure here was printed by CPython 3: random.seed(s); random.getrandbits(32) / random.shuffle(list(range(n))).
describe("PythonRandom", () => {
  it("draws CPython's words, also after the state was renewed", () => {
    const random = new PythonRandom(42);
    expect(Array.from({ length: 4 }, () => random.getRandBits(32))).toEqual([
      2746317213, 478163327, 107420369, 3184935163,
    ]);
    let last = 0;
    for (let drawn = 4; drawn < 1000; drawn++) last = random.getRandBits(32);
    expect(last).toBe(4212168831);
  });

  it.each([
    [0, [3626764237, 1654615998, 3255389356]],
    [1, [577090037, 2444712010, 3639700191]],
    [4294967295, [2728839433, 2661025012, 872737089]],
  ])("takes the seed %i as CPython does", (seed, words) => {
    const random = new PythonRandom(seed);
    expect(words.map(() => random.getRandBits(32))).toEqual(words);
  });

  it.each([
    [1, [0]],
    [2, [1, 0]],
    [3, [1, 0, 2]],
    [7, [1, 3, 4, 2, 6, 0, 5]],
    [10, [7, 3, 2, 8, 5, 6, 9, 4, 0, 1]],
    [
      33,
      [
        27, 5, 11, 16, 26, 12, 20, 15, 10, 14, 19, 22, 9, 29, 24, 6, 25, 0, 31, 13, 18, 2, 17, 21, 3, 30, 4,
        28, 32, 8, 23, 1, 7,
      ],
    ],
  ])("shuffles %i numbers as CPython does after seed(42)", (count, shuffled) => {
    const list = Array.from({ length: count }, (_, index) => index);
    new PythonRandom(42).shuffle(list);
    expect(list).toEqual(shuffled);
  });
});
