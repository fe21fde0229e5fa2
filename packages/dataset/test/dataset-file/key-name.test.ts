import { normaliseKey } from "@acewright/dataset";
import { expect, test } from "vitest";

test.each([
  ["C major", "C major"],
  ["a minor", "A minor"],
  ["Am", "A minor"],
  ["AM", "A major"],
  ["F#min", "F# minor"],
  ["F♯ maj", "F# major"],
  ["Bb", "Bb major"],
  ["bb moll", "Bb minor"],
  ["E-flat Dur", "Eb major"],
  ["C sharp minor", "C# minor"],
  ["8A", "A minor"],
  ["08b", "C major"],
  ["12A", "Db minor"],
  ["1B", "B major"],
  ["1m", "A minor"],
  ["6d", "B major"],
  ["A phrygian", "A phrygian"],
  ["13A", "13A"],
  ["  H dur ", "H dur"],
  ["", ""],
])("the key %o is written %o", (text, name) => {
  expect(normaliseKey(text)).toBe(name);
});
