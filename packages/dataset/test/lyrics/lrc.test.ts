import { cleanLrc } from "@acewright/dataset";
import { describe, expect, it } from "vitest";

/** The text and the times of LRC lyrics. */
function read(text: string) {
  const cleaned = cleanLrc(text);
  if (cleaned === undefined) throw new Error("was taken for plain lyrics");
  return { text: cleaned.text, starts: cleaned.lines.map(({ start_s }) => start_s), cleaned };
}

describe("LRC lyrics", () => {
  it.each([
    ["minutes and seconds", "[01:05]la\n[01:10]lu", [65, 70]],
    ["one digit of fraction", "[01:05.5]la\n[1:10.0]lu", [65.5, 70]],
    ["hundredths", "[00:12.34]la\n[00:13.00]lu", [12.34, 13]],
    ["thousandths", "[00:12.345]la\n[00:13.000]lu", [12.345, 13]],
    ["a comma", "[00:12,34]la\n[00:13,00]lu", [12.34, 13]],
    ["hundredths after a colon", "[00:12:34]la\n[00:13:75]lu", [12.34, 13.75]],
    ["hours", "[01:02:03.50]la\n[01:02:04.00]lu", [3723.5, 3724]],
    ["hours without fractions", "[01:02:03]la\n[01:02:14]lu", [3723, 3734]],
    ["more minutes than an hour has", "[100:00.00]la\n[120:00.00]lu", [6000, 7200]],
    ["spaces everywhere", "  [00:01.00]  la  \n\n [ 00:02.00 ] lu ", [1, 2]],
    ["a positive offset, which makes them earlier", "[offset:+500]\n[00:01.00]la\n[00:02.00]lu", [0.5, 1.5]],
    ["a negative offset", "[offset:-500]\n[00:01.00]la\n[00:02.00]lu", [1.5, 2.5]],
    ["an offset that is no number", "[offset:soon]\n[00:01.00]la\n[00:02.00]lu", [1, 2]],
    ["an offset beyond all numbers", "[offset:-1e999]\n[00:01.00]la\n[00:02.00]lu", [1, 2]],
    ["an offset that leads before the beginning", "[offset:1500]\n[00:01.00]la\n[00:02.00]lu", [0, 0.5]],
    [
      "two offsets, of which the first counts",
      "[offset:500]\n[offset:900]\n[00:01.00]la\n[00:02.00]lu",
      [0.5, 1.5],
    ],
    ["a third number of 59 at most, which is seconds", "[01:02:58]la\n[01:02:59]lu", [3778, 3779]],
    ["a third number of 60, which is hundredths", "[01:02:58]la\n[01:02:60]lu", [62.58, 62.6]],
    ["a singer's letter", "[00:01.00]F: la\n[00:02.00]M:lu", [1, 2]],
  ])("with %s lose their stamps and keep their times", (_name, text, starts) => {
    expect(read(text)).toMatchObject({ text: "la\nlu", starts });
  });

  it("write repeated lines out in the order they are sung", () => {
    const text = "[00:10.00][00:30.00]again\n[00:05.00]first\n[00:20.00]between";
    expect(read(text)).toMatchObject({ text: "first\nagain\nbetween\nagain", starts: [5, 10, 20, 30] });
  });

  it("lose ID tags, which are told, and keep structure", () => {
    const text =
      "[ti:Bells]\n[ar: Ann]\n[by:x]\n[#:note]\n[Verse 1: Ann]\n[00:01.00]la\n\n[Chorus - soft]\n[00:02.00]lu\n[outro]";
    const { text: words, cleaned } = read(text);
    expect(words).toBe("[Verse 1: Ann]\nla\n[Chorus - soft]\nlu\n[outro]");
    expect(cleaned.tags).toMatchObject({ ti: "Bells", ar: "Ann" });
  });

  it("repeat a structure tag with the line it stands before", () => {
    expect(read("[Chorus]\n[00:10.00][00:30.00]la\n[00:20.00]lu").text).toBe(
      "[Chorus]\nla\nlu\n[Chorus]\nla",
    );
  });

  it("keep the times of stamped words", () => {
    const { text, cleaned } = read(
      "[00:01.00] <00:01.10> one <00:01.50> two\n[00:02.00]un [00:02.50]deux\n<00:03.00>字<00:03.20>字",
    );
    expect(text).toBe("one two\nun deux\n字字");
    expect(cleaned.lines).toEqual([
      {
        start_s: 1,
        text: "one two",
        words: [
          { start_s: 1.1, text: "one" },
          { start_s: 1.5, text: "two" },
        ],
      },
      {
        start_s: 2,
        text: "un deux",
        words: [
          { start_s: 2, text: "un" },
          { start_s: 2.5, text: "deux" },
        ],
      },
      {
        start_s: 3,
        text: "字字",
        words: [
          { start_s: 3, text: "字" },
          { start_s: 3.2, text: "字" },
        ],
      },
    ]);
  });

  it("repeat a line without the times of its words, which are those of its first time", () => {
    const { cleaned } = read("[00:10.00][00:30.00]<00:10.00>la <00:11.00>lu");
    expect(cleaned.lines).toEqual([
      {
        start_s: 10,
        text: "la lu",
        words: [
          { start_s: 10, text: "la" },
          { start_s: 11, text: "lu" },
        ],
      },
      { start_s: 30, text: "la lu" },
    ]);
  });

  it("end a line at the first of several stamps without words", () => {
    expect(read("[00:01.00]la\n[00:04.00]\n[00:05.00]\n[00:08.00]lu").cleaned.lines).toEqual([
      { start_s: 1, end_s: 4, text: "la" },
      { start_s: 8, text: "lu" },
    ]);
  });

  it("keep a time whose brackets do not fit as words", () => {
    expect(read("[00:01.00]la <00:02.00] lu").text).toBe("la <00:02.00] lu");
  });

  it("take a stamp without words for the end of the line before", () => {
    expect(read("[00:01.00]la\n[00:04.00]\n[00:08.00]lu").cleaned.lines).toEqual([
      { start_s: 1, end_s: 4, text: "la" },
      { start_s: 8, text: "lu" },
    ]);
  });

  it.each([
    ["structure tags", "[Verse]\nla\n[Chorus - soft]\nlu"],
    ["a verse of the Bible", "[John 3:16]\nla <3\nat 10:30 we met"],
    ["nothing", ""],
  ])("are not what %s is", (_name, text) => {
    expect(cleanLrc(text)).toBeUndefined();
  });
});
