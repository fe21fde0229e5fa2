import { describe, expect, test } from "vitest";
import { Sample } from "../../src/dataset-file/schema.js";
import { applyDescription, hasNoLyrics, isOpen } from "../../src/label/apply-label.js";
import type { LabelField } from "../../src/label/settings.js";

const keep = { skipMetas: false, overwrite: [] };
const sung = (more: Partial<Sample> = {}): Sample => Sample.parse({ is_instrumental: false, ...more });
/** An analysis that heard the tempo and the key, and no time signature. */
const heard = (bpm: number, key: string): Partial<Sample> => ({
  acewright: {
    analysis: {
      version: 1,
      file: { bytes: 1, modified_ms: 1 },
      filled: [],
      bpm: { value: bpm, confidence: 0.876, alternatives: [] },
      keyscale: { value: key, confidence: 0.6, alternatives: [] },
      timesignature: null,
      tuning_hz: null,
      loudness_lufs: null,
      true_peak_db: null,
      sections: [],
    },
  },
});
const metas = {
  bpm: 120,
  caption: "Bells.",
  genres: "ambient",
  keyscale: "C major",
  language: "de",
  timesignature: "3",
};
const said = { metas, lyrics: "la\nlu", problems: [] };

describe("a field is open", () => {
  const empty = sung();
  const full = sung({
    caption: "Mine.",
    genre: "pop",
    bpm: 77,
    keyscale: "D minor",
    timesignature: "4",
    language: "en",
    lyrics: "own words",
  });
  const fields: LabelField[] = ["caption", "genre", "bpm", "keyscale", "timesignature", "language", "lyrics"];

  test.each(fields)("%s: where it is empty, or is named to be written over", (field) => {
    expect(isOpen(empty, field, keep)).toBe(true);
    expect(isOpen(full, field, keep)).toBe(false);
    expect(isOpen(full, field, { skipMetas: false, overwrite: [field] })).toBe(true);
    const others = fields.filter((other) => other !== field);
    expect(isOpen(full, field, { skipMetas: false, overwrite: others })).toBe(false);
  });

  test("but metas are left alone where they are to be skipped, even when named", () => {
    const open = fields.filter((field) => isOpen(empty, field, { skipMetas: true, overwrite: fields }));
    expect(open).toEqual(["caption", "genre", "language", "lyrics"]);
  });

  test("but a song without a voice has no words and no language, and a user's own lyrics are never touched", () => {
    const instrumental = Sample.parse({ is_instrumental: true, language: "" });
    const open = fields.filter((field) => isOpen(instrumental, field, { ...keep, overwrite: fields }));
    expect(open).toEqual(["caption", "genre", "bpm", "keyscale", "timesignature"]);
    const own = sung({ raw_lyrics: "mine", lyrics: "" });
    expect(isOpen(own, "lyrics", { ...keep, overwrite: ["lyrics"] })).toBe(false);
    expect(isOpen(own, "language", keep)).toBe(true);
  });

  test("a language that is empty is as open as an unknown one", () => {
    expect(isOpen(sung({ language: "" }), "language", keep)).toBe(true);
    expect(isOpen(sung({ language: "unknown" }), "language", keep)).toBe(true);
  });
});

test.each([
  ["", true],
  [" [INSTRUMENTAL]\n", true],
  ["[Instrumental]\nla", false],
  ["la", false],
])("lyrics of %j: no words is %s", (lyrics, none) => {
  expect(hasNoLyrics(sung({ lyrics }))).toBe(none);
});

describe("a description", () => {
  test("fills what is empty, and the sample given stays as it is", () => {
    const sample = sung();
    const { sample: edited, notes } = applyDescription(sample, said, keep);
    expect(edited).toMatchObject({
      caption: "Bells.",
      genre: "ambient",
      bpm: 120,
      keyscale: "C major",
      timesignature: "3",
      language: "de",
      lyrics: "la\nlu",
      formatted_lyrics: "la\nlu",
      raw_lyrics: "",
      labeled: true,
    });
    expect(notes).toEqual([]);
    expect(sample).toEqual(sung());
  });

  test("without values changes nothing; what was wrong with it and missing lyrics are told, in that order", () => {
    const nothing = { metas: {}, lyrics: "", problems: ['bpm "x" is not valid'] };
    const { sample, notes } = applyDescription(sung(), nothing, keep);
    expect(sample).toEqual(sung());
    expect(notes).toEqual(['bpm "x" is not valid', "the model wrote no lyrics"]);
    // Nobody asks for the words of a song without a voice.
    expect(applyDescription(Sample.parse({}), { ...nothing, problems: [] }, keep).notes).toEqual([]);
  });

  test("gives way to what was heard, and says so where the two differ", () => {
    const { sample, notes } = applyDescription(sung(heard(131.4, "A# minor")), said, keep);
    expect(sample).toMatchObject({ bpm: 131, keyscale: "A# minor", timesignature: "3" });
    expect(notes).toEqual([
      "bpm: the model says 120, the analysis heard (88 % sure) 131, which is kept",
      "keyscale: the model says C major, the analysis heard (60 % sure) A# minor, which is kept",
    ]);
  });

  test("gives way to what the dataset has, whatever was heard", () => {
    const { sample, notes } = applyDescription(sung({ bpm: 90, ...heard(131, "C major") }), said, keep);
    expect(sample.bpm).toBe(90);
    expect(notes).toEqual(["bpm: the model says 120, the dataset has 90, which is kept"]);
    const quiet = applyDescription(sung({ bpm: 90 }), said, { ...keep, skipMetas: true });
    expect(quiet.notes).toEqual([]);
    expect(quiet.sample).toMatchObject({ bpm: 90, keyscale: "", timesignature: "" });
  });

  test.each([
    ["bpm", { bpm: 98 }, { bpm: 100 }, 0],
    ["bpm", { bpm: 97 }, { bpm: 100 }, 1],
    ["keyscale", { keyscale: "Db minor" }, { keyscale: "C# minor" }, 0],
    ["keyscale", { keyscale: "C# major" }, { keyscale: "C# minor" }, 1],
    ["timesignature", { timesignature: "3" }, { timesignature: "4" }, 1],
    ["timesignature", { timesignature: "4" }, { timesignature: "4" }, 0],
  ])("and %s are the same or not: %j, %j", (_field, metas_, has, differ) => {
    const description = { metas: metas_, lyrics: "", problems: [] };
    const { notes } = applyDescription(Sample.parse(has), description, keep);
    expect(notes).toHaveLength(differ);
  });

  test("a song is labelled once it has a caption, and stays so", () => {
    const wordless = { metas: {}, lyrics: "la", problems: [] };
    expect(applyDescription(sung(), wordless, keep).sample.labeled).toBe(false);
    expect(applyDescription(sung({ caption: "Mine." }), wordless, keep).sample.labeled).toBe(true);
    expect(applyDescription(sung({ labeled: true }), wordless, keep).sample.labeled).toBe(true);
  });
});
