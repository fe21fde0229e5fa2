import { describe, expect, it } from "vitest";
import { parseSideStepText } from "../../src/scan/side-step-text.js";

describe("a .txt beside a song", () => {
  it("is a Side-Step sidecar when a known key leads and a caption is there", () => {
    const text = [
      "caption: slow bells",
      "with a long tail: of words",
      "genre: ambient",
      "Tempo: 125",
      "scale: E minor",
      "sig: 4/4",
      "is_instrumental: false",
      "lang: en",
      "repeats: 3",
      "lyrics:",
      "[Verse]",
      "key: this is sung",
      "",
      "bpm: and this",
    ].join("\n");
    expect(parseSideStepText(text)).toEqual({
      caption: "slow bells with a long tail: of words",
      genre: "ambient",
      bpm: "125",
      key: "E minor",
      signature: "4/4",
      is_instrumental: "false",
      language: "en",
      repeat: "3",
      lyrics: "[Verse]\nkey: this is sung\n\nbpm: and this",
    });
  });

  it("may hold lyrics only, on the line of the key or below it", () => {
    expect(parseSideStepText("\n\nlyrics: la la\nlu")).toEqual({ lyrics: "la la\nlu" });
  });

  it.each([
    ["plain lyrics", "[Verse]\nla la\nlu lu"],
    ["lyrics in which a key's name comes up later", "one\ntwo\nthree\nfour\nkey: you hold it\ncaption: no"],
    ["lyrics with a leading word like a key", "Key: the one I lost\nI looked for it"],
    ["lyrics whose first line is a section mark", "[caption: x]\nla"],
    ["an unknown key", "Chorus: la la\nla"],
    ["nothing", ""],
  ])("is lyrics when it is %s", (_name, text) => {
    expect(parseSideStepText(text)).toBeUndefined();
  });

  it("cannot be talked into keys of JavaScript", () => {
    expect(parseSideStepText("constructor: 1\ncaption: x")).toEqual({ caption: "x" });
    expect(parseSideStepText("__proto__: 1\ncaption: x")).toEqual({ caption: "x" });
  });
});
