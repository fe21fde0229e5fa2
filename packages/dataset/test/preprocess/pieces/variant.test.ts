import { describe, expect, test } from "vitest";
import type { Variant } from "../../../src/preprocess/pieces/variant.js";
import {
  captionContradiction,
  parseVariant,
  transposeKey,
  variantMetas,
  variantName,
} from "../../../src/preprocess/pieces/variant.js";

describe("a variant's text", () => {
  test.each([
    ["pitch=2", { semitones: 2, tempo: 1, gainDb: 0 }, "pitch2"],
    [" tempo=0.95 / gain=-3 ", { semitones: 0, tempo: 0.95, gainDb: -3 }, "tempo0.95_gain-3"],
    ["gain=-3/pitch=-0.5", { semitones: -0.5, tempo: 1, gainDb: -3 }, "pitch-0.5_gain-3"],
  ])("%s is read and named", (text, variant, name) => {
    expect(parseVariant(text)).toEqual(variant);
    expect(variantName(parseVariant(text) as Variant)).toBe(name);
    // The store of tensors takes such names only.
    expect(name).toMatch(/^\w[\w.-]*$/);
  });

  test.each([
    ["pitch=7", "pitch must be -6 to 6 semitones"],
    ["tempo=0.5", "tempo must be 0.7 to 1.4"],
    ["tempo=1", "changes nothing"],
    ["speed=2", "is no variant"],
    ["pitch=2/pitch=3", "stands twice"],
    ["pitch=", "is no variant"],
    ["", "is no variant"],
    ["constructor=1", "is no variant"],
  ])("%j is refused and says why", (text, says) => {
    expect(parseVariant(text)).toContain(says);
  });
});

describe("what the prompt says of a variant", () => {
  test.each([
    ["C major", 2, "D major"],
    ["C major", 1, "Db major"],
    ["A minor", -1, "G# minor"],
    ["Eb major", -3, "C major"],
    ["F♯ minor", 6, "C minor"],
    ["Cb major", 1, "C major"],
    ["E phrygian", 12 - 7, "A phrygian"],
    ["C major", 0.5, ""],
    ["", 2, ""],
    ["H-Dur", 2, ""],
    ["H-Dur", 0, "H-Dur"],
  ])("%s shifted by %d is %j", (key, semitones, wanted) => {
    expect(transposeKey(key, semitones)).toBe(wanted);
  });

  test("twelve steps of a semitone come back to the key", () => {
    for (const mode of ["major", "minor"]) {
      for (const note of ["C", "Eb", "F#", "A"]) {
        let key = `${note} ${mode}`;
        for (let step = 0; step < 12; step++) key = transposeKey(key, 1);
        expect(key).toBe(`${note} ${mode}`);
      }
    }
  });

  test("the tempo is the new one in whole beats, and none where none is known", () => {
    const metas = { bpm: 97, keyscale: "A minor" };
    expect(variantMetas(metas, { semitones: 0, tempo: 0.95, gainDb: 0 })).toEqual({
      bpm: 92,
      keyscale: "A minor",
    });
    expect(variantMetas({ ...metas, bpm: null }, { semitones: -2, tempo: 1.1, gainDb: 0 })).toEqual({
      bpm: null,
      keyscale: "G minor",
    });
  });

  test("a caption that names tempo or key contradicts it", () => {
    const [slower, higher] = [
      { semitones: 0, tempo: 0.9, gainDb: 0 },
      { semitones: 1, tempo: 1, gainDb: 0 },
    ];
    expect(captionContradiction("slow song, 90 BPM", slower)).toContain("tempo");
    expect(captionContradiction("slow song, 90 BPM", higher)).toBeUndefined();
    expect(captionContradiction("in C# minor, sad", higher)).toContain("key");
    expect(captionContradiction("a minor hit with major drops", higher)).toBeUndefined();
  });
});
