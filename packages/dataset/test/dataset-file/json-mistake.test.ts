import { describe, expect, it } from "vitest";
import { findJsonMistake } from "../../src/dataset-file/json-mistake.js";
import { seededRandom } from "../audio/sounds.js";

const sound = JSON.stringify(
  { metadata: { name: 'Ü\n"x"', ratio: -1.5e-3 }, samples: [{ id: "a", bpm: null }, true, []] },
  null,
  2,
);

describe("findJsonMistake", () => {
  it.each([
    ['{\n  "a": 1,\n}', 3, 1, /expected a key in double quotes, found "}"/],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, /expected "," or "}"/],
    ['{"a" 1}', 1, 6, /expected ":", found "1"/],
    ['{"a": 01}', 1, 7, /expected a value/],
    ['{"a": NaN}', 1, 7, /NaN and Infinity are no JSON/],
    ['{"a": [1, 2}', 1, 12, /expected "," or "\]", found "}"/],
    ['{"a": "x', 1, 7, /a string that is closed/],
    ['{"a": "x\ny"}', 1, 9, /bare control character/],
    ['{"a": "\\x"}', 1, 8, /an escape/],
    ["", 1, 1, /expected a value, found the end of the file/],
    ["{} x", 1, 4, /expected the end of the file, found "x"/],
    ["{'a': 1}", 1, 2, /expected a key in double quotes/],
    ["[".repeat(200) + "]".repeat(200), 1, 102, /at most 100 levels/],
  ])("finds in %j line %i, column %i", (text, line, column, what) => {
    const mistake = findJsonMistake(text);
    expect(mistake).toMatchObject({ line, column });
    expect(mistake?.what).toMatch(what);
  });

  it("finds nothing in sound JSON of every kind of value", () => {
    expect(findJsonMistake(sound)).toBeUndefined();
    for (const text of ["0", "-1.5E+10", '"\\u00e9\\/"', " [ ] ", "{ }", "null\n"])
      expect(findJsonMistake(text)).toBeUndefined();
  });

  it("agrees with JSON.parse on two thousand mutations", () => {
    const random = seededRandom(11);
    const letters = '{}[]",:\\ \n0123456789eE+-.truefalsn/u\u0001é';
    let broken = 0;
    for (let round = 0; round < 2000; round++) {
      const characters = Array.from(sound);
      for (let edits = 0; edits <= random() * 3; edits++) {
        const letter = letters[Math.floor(random() * letters.length)] ?? "";
        characters.splice(
          Math.floor(random() * characters.length),
          Math.floor(random() * 3),
          ...(random() < 0.5 ? [letter] : []),
        );
      }
      const text = characters.join("");
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
        broken++;
      }
      expect(findJsonMistake(text) === undefined, text).toBe(parses);
    }
    expect(broken).toBeGreaterThan(500);
  });
});
