import { Sample } from "@acewright/dataset";
import { describe, expect, it } from "vitest";
import { fieldRemarks } from "../../src/check/words/field-remarks.js";
import { scriptOf, suggestLanguage } from "../../src/check/words/languages.js";
import { lyricsRemarks } from "../../src/check/words/lyrics-remarks.js";

const whole = { bpm: 120, keyscale: "C major", timesignature: "4", language: "en" };

const fields = (sample: Partial<Sample>): string[] =>
  fieldRemarks(Sample.parse({ ...whole, ...sample })).map(
    ({ severity, code, suggestion }) => `${severity} ${code} ${suggestion ?? "-"}`,
  );

const lyrics = (sample: Partial<Sample>): string[] =>
  lyricsRemarks(Sample.parse({ ...whole, is_instrumental: false, ...sample })).map(
    ({ severity, code, suggestion }) => `${severity} ${code} ${suggestion ?? "-"}`,
  );

describe("spellings", () => {
  it.each<[Partial<Sample>, string[]]>([
    [{}, []],
    [{ bpm: 120.4 }, ["warning odd-bpm 120"]],
    [{ bpm: 20 }, ["warning odd-bpm 40"]],
    [{ bpm: 340 }, ["warning odd-bpm 170"]],
    [{ bpm: -3 }, ["warning odd-bpm -"]],
    [{ keyscale: "Am" }, ["warning odd-key A minor"]],
    [{ keyscale: "8A" }, ["warning odd-key A minor"]],
    [{ keyscale: "H-Dur" }, ["warning odd-key B major"]],
    [{ keyscale: "Cis Moll" }, ["warning odd-key C# minor"]],
    [{ keyscale: "Es-Dur" }, ["warning odd-key Eb major"]],
    [{ keyscale: "A aeolian" }, ["warning odd-key A minor"]],
    [{ keyscale: "D dorian" }, ["info odd-key -"]],
    [{ timesignature: "4/4" }, ["warning odd-time-signature 4"]],
    [{ timesignature: "6/8" }, ["warning odd-time-signature 6"]],
    [{ timesignature: "waltz" }, ["warning odd-time-signature 3"]],
    [{ timesignature: "7" }, ["info odd-time-signature -"]],
    [{ language: "English" }, ["warning odd-language en"]],
    [{ language: "pt-BR" }, ["warning odd-language pt"]],
    [{ language: "jp" }, ["warning odd-language ja"]],
    [{ language: "klingon" }, ["warning odd-language -"]],
    [{ bpm: null }, ["info missing-fields -"]],
    [{ language: "unknown", is_instrumental: false }, ["info missing-fields -"]],
    [{ audio_path: "drums\\one.wav" }, ["warning odd-path drums/one.wav"]],
  ])("of %j give %j", (sample, found) => {
    expect(fields(sample)).toEqual(found);
  });

  it("knows every language by its English name", () => {
    expect(["German", "japanese", "Cantonese", "Chinese", "Haitian Creole"].map(suggestLanguage)).toEqual([
      "de",
      "ja",
      "yue",
      "zh",
      "ht",
    ]);
  });
});

describe("lyrics", () => {
  it.each<[string, Partial<Sample>, string[]]>([
    ["fit", { lyrics: "[Verse]\nla la under the moon" }, []],
    [
      "Cyrillic marked en",
      { lyrics: "[Verse]\nНочь, улица, фонарь, аптека" },
      ["warning language-mismatch ru"],
    ],
    ["Ukrainian marked uk", { lyrics: "Реве та стогне Дніпр широкий", language: "uk" }, []],
    ["kana with kanji marked ja", { lyrics: "夜の海を渡る風が歌っている", language: "ja" }, []],
    [
      "kana with kanji marked zh",
      { lyrics: "夜の海を渡る風が歌っている", language: "zh" },
      ["warning language-mismatch ja"],
    ],
    ["Chinese marked yue", { lyrics: "床前明月光疑是地上霜舉頭望", language: "yue" }, []],
    ["Korean marked en", { lyrics: "가시는 걸음걸음 놓인 그 꽃을" }, ["warning language-mismatch ko"]],
    [
      "romanised Japanese",
      { lyrics: "yoru no umi wo wataru kaze", language: "ja" },
      ["info language-mismatch -"],
    ],
    [
      "Latin marked bn",
      { lyrics: "under the moon we sang", language: "bn" },
      ["warning language-mismatch -"],
    ],
    [
      "Greek without language",
      { lyrics: "Σε γνωρίζω από την κόψη", language: "unknown" },
      ["info language-mismatch el"],
    ],
    ["too short to tell", { lyrics: "Да, да!" }, []],
    ["a foreign chorus", { lyrics: "under the moon we sang all night\nНочь, улица" }, []],
    ["stamps", { lyrics: "[00:10.00]under the moon we sang" }, ["warning lrc-stamps -"]],
    [
      "instrumental with words",
      { lyrics: "la la la", is_instrumental: true },
      ["warning instrumental-mismatch -"],
    ],
    ["instrumental with tags", { lyrics: "[Intro]\n[Drop]", is_instrumental: true }, []],
    ["sung without words", { lyrics: "[Instrumental]" }, ["warning instrumental-mismatch -"]],
  ])("%s", (_, sample, found) => {
    expect(lyrics(sample)).toEqual(found);
  });

  it("takes structure tags for no script", () => {
    expect(scriptOf("[Verse][Chorus][Bridge][Outro]\nНочь, улица, фонарь")?.name).toBe("Cyrillic");
  });
});
