import {
  countTags,
  editDataset,
  editTags,
  promptCaptions,
  setFolderRepeats,
  songRepeats,
  type DatasetEdit,
} from "@acewright/dataset";
import { describe, expect, it } from "vitest";
import { datasetOf } from "./datasets.js";

const songs = () =>
  datasetOf([
    { filename: "a.mp3", caption: "slow bells", labeled: true, bpm: 60, x: 1 },
    { filename: "b.mp3", raw_lyrics: "la", lyrics: "la", is_instrumental: false },
  ]);

describe("an edit of a dataset", () => {
  it("changes the songs its filters pick, tells each change, and leaves what it was given", () => {
    const before = songs();
    const { dataset, changes, selected } = editDataset(before, {
      where: ["bpm"],
      set: { bpm: 120, keyscale: "am" },
    });
    expect(selected).toEqual([0]);
    expect(changes).toEqual([
      { sample: 0, key: "bpm", before: 60, after: 120 },
      { sample: 0, key: "keyscale", before: "", after: "A minor" },
    ]);
    expect(dataset.samples[0]).toMatchObject({ bpm: 120, keyscale: "A minor", x: 1 });
    expect(dataset.samples[1]).toBe(before.samples[1]);
    expect(before).toEqual(songs());
  });

  it("takes songs by their indices, and of those the ones that meet its filters", () => {
    const dataset = datasetOf([{ bpm: 60 }, { bpm: 70 }, { bpm: 80 }]);
    const set = { genre: "bells" };
    expect(editDataset(dataset, { songs: [2, 0], set }).selected).toEqual([0, 2]);
    expect(editDataset(dataset, { songs: [2, 0], where: ["bpm<70"], set }).selected).toEqual([0]);
    expect(editDataset(dataset, { songs: [], set }).changes).toEqual([]);
    expect(() => editDataset(dataset, { songs: [0, 3], set })).toThrow(
      /songs: there is no sample 3, the dataset holds 3/,
    );
    const tagged = editTags(dataset, { action: "add", tag: "live", songs: [1] });
    expect(tagged.dataset.samples.map(({ custom_tag }) => custom_tag)).toEqual(["", "live", ""]);
    expect(tagged.dataset.metadata.custom_tag).toBe("");
    expect(tagged.selected).toEqual([1]);
  });

  it("makes a value the user's own, whoever made the one before", () => {
    const made = { by: "gemini", model: "m", made_at: "x" };
    const dataset = datasetOf([
      {
        caption: "theirs",
        lyrics: "la",
        genre: "pop",
        acewright: { title: "t", provenance: { caption: made, lyrics: made, genre: made } },
      },
    ]);
    const { dataset: edited, changes } = editDataset(dataset, {
      set: { caption: "mine", genre: "pop" },
      replace: { field: "lyrics", find: "la", by: "lu" },
    });
    expect(edited.samples[0]?.["acewright"]).toEqual({ title: "t", provenance: { genre: made } });
    expect(changes.map(({ key }) => key)).not.toContain("acewright");
    expect(dataset.samples[0]?.["acewright"]).toMatchObject({ provenance: { caption: made } });
  });

  it("makes a song labeled by a caption or genre, and unlabeled without both", () => {
    const { dataset } = editDataset(songs(), { set: { genre: "ambient" } });
    expect(dataset.samples.map(({ labeled }) => labeled)).toEqual([true, true]);
    const cleared = editDataset(dataset, { clear: ["caption", "genre"] }).dataset;
    expect(cleared.samples.map(({ labeled }) => labeled)).toEqual([false, false]);
  });

  it("gives a song its voice with lyrics, and takes both away when it is instrumental", () => {
    const sung = editDataset(songs(), { where: ["number=1"], set: { lyrics: "lu", language: "en" } }).dataset;
    expect(sung.samples[0]).toMatchObject({
      lyrics: "lu",
      raw_lyrics: "lu",
      formatted_lyrics: "lu",
      is_instrumental: false,
    });
    const none = editDataset(sung, { where: ["number=1"], set: { is_instrumental: true } }).dataset;
    expect(none.samples[0]).toMatchObject({
      lyrics: "[Instrumental]",
      language: "unknown",
      is_instrumental: true,
    });
    const cleared = editDataset(sung, { clear: ["lyrics"] }).dataset;
    expect(cleared.samples[0]).toMatchObject({
      lyrics: "[Instrumental]",
      raw_lyrics: "",
      is_instrumental: true,
    });
  });

  it("replaces text literally, and clears numbers and overrides", () => {
    const { dataset } = editDataset(songs(), { replace: { field: "caption", find: "s", by: "$&" } });
    expect(dataset.samples[0]?.caption).toBe("$&low bell$&");
    const overridden = editDataset(songs(), { set: { prompt_override: "genre", repeat: 3 } }).dataset;
    expect(overridden.samples[1]).toMatchObject({ prompt_override: "genre", repeat: 3 });
    const back = editDataset(overridden, { clear: ["prompt_override", "repeat", "bpm"] }).dataset;
    expect(back.samples[0]).toMatchObject({ prompt_override: null, bpm: null });
    expect(back.samples[0]).not.toHaveProperty("repeat");
  });

  it("sets what holds for all songs, the instrumental switch among it", () => {
    const { dataset, changes } = editDataset(songs(), {
      metadata: { genre_ratio: 30, all_instrumental: false },
    });
    expect(dataset.metadata).toMatchObject({ genre_ratio: 30, all_instrumental: false });
    expect(dataset.samples.map((sample) => sample.is_instrumental)).toEqual([false, false]);
    expect(changes.filter(({ sample }) => sample === undefined).map(({ key }) => key)).toEqual([
      "all_instrumental",
      "genre_ratio",
    ]);
  });

  it("switches the songs that its filters leave out too, in a copy of theirs", () => {
    const voiced = () =>
      datasetOf([
        { filename: "a.mp3", bpm: 60 },
        { filename: "b.mp3", lyrics: "by a model", is_instrumental: false },
      ]);
    const before = voiced();
    const { dataset } = editDataset(before, {
      where: ["bpm"],
      set: { bpm: 90 },
      metadata: { all_instrumental: true },
    });
    expect(dataset.samples[1]).toMatchObject({ is_instrumental: true, lyrics: "[Instrumental]" });
    expect(before).toEqual(voiced());
  });

  it.each<[object, RegExp]>([
    [{}, /nothing to change/],
    [{ set: { bpm: 20 } }, /^bpm: .*30/],
    [{ set: { tempo: 3 } }, /tempo/],
    [{ metadata: { genre_ratio: 101 } }, /^genre_ratio: .*100/],
    [{ replace: { field: "caption", find: "", by: "x" } }, /find: a text to look for/],
  ])("%j is refused in one line", (edit, message) => {
    expect(() => editDataset(songs(), edit as DatasetEdit)).toThrow(message);
  });
});

describe("trigger words", () => {
  it("are set, added, removed and cleared for the dataset", () => {
    const set = editTags(songs(), { action: "set", tag: "zxc", position: "append" }).dataset;
    expect(promptCaptions(set)).toEqual(["slow bells, zxc", "zxc"]);
    const added = editTags(set, { action: "add", tag: "bells, zxc" }).dataset;
    expect(added.metadata.custom_tag).toBe("zxc, bells");
    expect(editTags(added, { action: "remove", tag: "zxc" }).dataset.metadata.custom_tag).toBe("bells");
    expect(editTags(added, { action: "clear" }).dataset.metadata.custom_tag).toBe("");
  });

  it("of single songs begin with the dataset's, which others keep", () => {
    const set = editTags(songs(), { action: "set", tag: "zxc" }).dataset;
    const { dataset, changes } = editTags(set, { action: "add", tag: "live", where: ["bpm"] });
    expect(changes).toEqual([{ sample: 0, key: "custom_tag", before: "", after: "zxc, live" }]);
    expect(countTags(dataset)).toEqual(
      new Map([
        ["zxc, live", 1],
        ["zxc", 1],
      ]),
    );
    const without = editTags(dataset, { action: "remove", tag: "live", where: ["bpm"] }).dataset;
    expect(without.samples[0]?.custom_tag).toBe("zxc");
  });

  it("must be said", () => {
    expect(() => editTags(songs(), { action: "add", tag: " , " })).toThrow(/tag: a word to add was expected/);
  });
});

describe("repeats", () => {
  const foldered = () =>
    datasetOf([{ audio_path: "/s/a/1.wav" }, { audio_path: "a/b/2.wav" }, { audio_path: "/s/3.wav" }]);

  it("are set by folder, the innermost counting", () => {
    const dataset = foldered();
    setFolderRepeats(dataset, "/s", { "a/b": 5, a: 2, ".": 1 });
    expect(dataset.samples.map(songRepeats)).toEqual([2, 5, 1]);
  });

  it.each([
    [{ absent: 2 }, /absent: holds no song/],
    [{ a: 0 }, /a: a whole number from 1 to 1000 was expected, got 0/],
    [{ a: 1.5 }, /got 1\.5/],
  ])("%j are refused", (repeats, message) => {
    expect(() => {
      setFolderRepeats(foldered(), "/s", repeats);
    }).toThrow(message);
  });

  it("that are no number in the file are refused by song and key", () => {
    const [sample] = datasetOf([{ filename: "a.mp3", repeat: "twice" }]).samples;
    expect(() => sample && songRepeats(sample)).toThrow(/a\.mp3: repeat: .*got "twice"/);
  });
});
