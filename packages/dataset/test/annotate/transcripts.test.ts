import { describe, expect, test } from "vitest";
import { answerObject, fieldsOfLines, fieldsOfObject } from "../../src/annotate/transcripts/answer-fields.js";
import { languageCode } from "../../src/annotate/transcripts/language-code.js";
import { lyricsOf, simplifySectionHeaders } from "../../src/annotate/transcripts/lyrics-text.js";
import { joinWords, wordsToLines } from "../../src/annotate/transcripts/words-to-lines.js";

/** Words half a second long, one after the other; a number is a gap in seconds. */
function lines(...parts: (string | number)[]): string[] {
  let at = 0;
  const words = parts.flatMap((part) => {
    if (typeof part === "number") {
      at += part;
      return [];
    }
    const word = { text: part, start_s: at, end_s: at + 0.5 };
    at += 0.5;
    return [word];
  });
  return wordsToLines(words).map(({ text }) => text);
}

describe("words become lines", () => {
  test.each<[string, (string | number)[], string[]]>([
    ["at the end", ["one", "two"], ["one two"]],
    [
      "after marks, of which points and commas go",
      ["a,", "b.", "c!", "d?", "e"],
      ["a", "b", "c!", "d?", "e"],
    ],
    ["after CJK marks", ["你", "好，", "世", "界。", "吗？"], ["你好", "世界", "吗？"]],
    ["at a gap of more than 1.5 s and not at one of 1.5 s", ["a", 1.5, "b", 1.51, "c"], ["a b", "c"]],
    [
      "with a space unless a neighbour is CJK",
      ["我", "love", "音", "乐", "so", "much"],
      ["我love音乐so much"],
    ],
    ["with spaces in Korean", ["사랑", "해요"], ["사랑 해요"]],
    ["kana and full-width forms close up", ["カ", "ラ", "ＡＢ", "x"], ["カラＡＢx"]],
    ["words that are marks alone make no line", ["a.", ",", "b"], ["a", "b"]],
    ["empty words do not count", [" ", "a", "", "b"], ["a b"]],
    ["nothing from nothing", [], []],
  ])("%s", (_, words, expected) => {
    expect(lines(...words)).toEqual(expected);
  });

  test("with times and the mean confidence of their words", () => {
    const words = [
      { text: " Hello", start_s: 1.00049, end_s: 1.4, confidence: 0.9 },
      { text: "you.", start_s: 1.5, end_s: 2, confidence: 0.5 },
      { text: "Bye", start_s: 3, end_s: 3.5 },
    ];
    expect(wordsToLines(words)).toEqual([
      {
        start_s: 1,
        end_s: 2,
        text: "Hello you",
        confidence: 0.7,
        words: [
          { start_s: 1, text: "Hello" },
          { start_s: 1.5, text: "you." },
        ],
      },
      { start_s: 3, end_s: 3.5, text: "Bye", words: [{ start_s: 3, text: "Bye" }] },
    ]);
  });

  test("rare Han outside of the basic plane is Han", () => {
    expect(joinWords(["\u{20000}", "a"])).toBe("\u{20000}a");
  });
});

describe("a model's JSON is found", () => {
  test.each<[string, string, unknown]>([
    ["bare", '{"caption":"x"}', { caption: "x" }],
    ["in a fence", '```json\n{"caption":"x"}\n```', { caption: "x" }],
    ["in a fence without a name", '```\n{"caption":"x"}```', { caption: "x" }],
    ["between words", 'Here it is: {"caption":"a {b}"} Enjoy!', { caption: "a {b}" }],
    ["nowhere", "no JSON here", undefined],
    ["in a list", "[1, 2]", undefined],
    ["cut off", '{"caption":"x', undefined],
  ])("%s", (_, text, expected) => {
    expect(answerObject(text)).toEqual(expected);
  });
});

test("fields are read from objects and from lines, odd values are left out", () => {
  expect(
    fieldsOfObject({
      caption: " Slow\n bells ",
      genre: ["folk", "drone"],
      BPM: "about 92.4",
      key: "Am",
      signature: "6/8",
      lyrics: "a\nb",
      language: null,
    }),
  ).toEqual({
    caption: "Slow bells",
    genre: "folk, drone",
    bpm: 92,
    keyscale: "A minor",
    timesignature: "6",
    lyrics: "a\nb",
  });
  expect(fieldsOfObject({ bpm: 900, key: "H phrygian", signature: "5/4", genre: "N/A" })).toEqual({});
  const answer =
    "**Caption:** A slow song.\nIt goes on.\nGenre: folk\n3. Time signature: 3/4\nKey: unknown\nBPM: 120";
  expect(fieldsOfLines(answer)).toEqual({
    caption: "A slow song. It goes on.",
    genre: "folk",
    timesignature: "3",
    bpm: 120,
  });
  expect(fieldsOfLines("Just words: and more.")).toEqual({ caption: "Just words: and more." });
});

test.each([
  ["english", "en"],
  ["English", "en"],
  ["eng", "en"],
  ["en-US", "en"],
  ["pt_BR", "pt"],
  ["cmn", "zh"],
  ["cantonese", "yue"],
  ["haitian creole", "ht"],
  ["tagalog", "tl"],
  ["norwegian", "no"],
  ["klingon", undefined],
  ["tlh", undefined],
  ["", undefined],
  ["../../x", undefined],
])("the language %j is %j", (written, code) => {
  expect(languageCode(written)).toBe(code);
});

test("lyrics are trimmed, stamps set aside, and words for none are none", () => {
  expect(lyricsOf(" [Verse 1] \r\n la  \n\n\n\n lu ")).toEqual({ text: "[Verse 1]\nla\n\nlu", lines: [] });
  expect(lyricsOf("[00:01.50]la\n[00:03]lu")).toEqual({
    text: "la\nlu",
    lines: [
      { start_s: 1.5, text: "la" },
      { start_s: 3, text: "lu" },
    ],
  });
  for (const none of ["[Instrumental]", "(instrumental)", "None", "", " \n"])
    expect(lyricsOf(none).text).toBe("");
  expect(simplifySectionHeaders("[Verse 1: Ann & Bo]\nla: lu\n[Chorus]\n[Bridge : Ann]")).toBe(
    "[Verse 1]\nla: lu\n[Chorus]\n[Bridge]",
  );
});
