import { describe, expect, it } from "vitest";
import {
  chooseGenreSamples,
  promptCaption,
  promptCaptions,
  setAllInstrumental,
} from "../../src/dataset-file/prompt-caption.js";
import { Dataset, DatasetMetadata, Sample } from "../../src/dataset-file/schema.js";

const metadata = (fields: Partial<DatasetMetadata> = {}): DatasetMetadata => DatasetMetadata.parse(fields);
const sample = (fields: Partial<Sample> = {}): Sample => Sample.parse({ labeled: true, ...fields });

describe("promptCaption", () => {
  it.each([
    ["prepend", "zxc", "slow bells", "zxc, slow bells"],
    ["append", "zxc", "slow bells", "slow bells, zxc"],
    ["replace", "zxc", "slow bells", "zxc"],
    ["prepend", "", "slow bells", "slow bells"],
    ["replace", "", "slow bells", "slow bells"],
    ["append", "zxc", "", "zxc"],
    ["prepend", "", "", ""],
  ] as const)(
    "with the tag position %s makes of tag %j and caption %j: %j",
    (tag_position, custom_tag, caption, wanted) => {
      expect(promptCaption(sample({ caption }), metadata({ custom_tag, tag_position }))).toBe(wanted);
    },
  );

  it("puts the tag to the genre too", () => {
    const song = sample({ caption: "slow bells", genre: "ambient" });
    expect(promptCaption(song, metadata({ custom_tag: "zxc" }), true)).toBe("zxc, ambient");
  });

  it("takes a song's own tag before the dataset's", () => {
    expect(
      promptCaption(sample({ caption: "bells", custom_tag: "own" }), metadata({ custom_tag: "zxc" })),
    ).toBe("own, bells");
  });

  it("lets prompt_override beat the ratio, and an empty genre fall back to the caption", () => {
    const song = { caption: "bells", genre: "ambient" };
    expect(promptCaption(sample({ ...song, prompt_override: "caption" }), metadata(), true)).toBe("bells");
    expect(promptCaption(sample({ ...song, prompt_override: "genre" }), metadata(), false)).toBe("ambient");
    expect(promptCaption(sample({ caption: "bells" }), metadata(), true)).toBe("bells");
  });
});

describe("the genre ratio", () => {
  const dataset = (count: number, genre_ratio: number): Dataset => ({
    metadata: metadata({ genre_ratio }),
    samples: Array.from({ length: count }, (_, index) =>
      sample({ caption: `caption ${index}`, genre: `genre ${index}` }),
    ),
  });

  // random.seed(42); l = list(range(10)); random.shuffle(l) -> 7 3 2 8 5 6 9 4 0 1
  it.each([
    [0, []],
    [9, []],
    [10, [7]],
    [30, [7, 3, 2]],
    [59, [7, 3, 2, 8, 5]],
    [100, [7, 3, 2, 8, 5, 6, 9, 4, 0, 1]],
  ])("of %i percent picks the songs the official trainer picks", (ratio, picked) => {
    expect([...chooseGenreSamples(dataset(10, ratio))].toSorted()).toEqual(picked.toSorted());
  });

  it("counts and shuffles labeled songs only", () => {
    const mixed = dataset(20, 30);
    mixed.samples.forEach((song, index) => (song.labeled = index % 2 === 1));
    expect([...chooseGenreSamples(mixed)].toSorted((a, b) => a - b)).toEqual([5, 7, 15]);
  });

  it("decides each song's prompt", () => {
    const prompts = promptCaptions(dataset(10, 20));
    expect(prompts[7]).toBe("genre 7");
    expect(prompts[3]).toBe("genre 3");
    expect(prompts.filter((prompt) => prompt.startsWith("genre")).length).toBe(2);
  });
});

describe("setAllInstrumental", () => {
  const songs = (): Dataset => ({
    metadata: metadata(),
    samples: [
      sample({ raw_lyrics: "la la", lyrics: "edited", language: "en" }),
      sample({ lyrics: "written by a model", language: "de", is_instrumental: false }),
    ],
  });

  it("on: keeps the voice of songs that came with lyrics and silences the others", () => {
    const dataset = songs();
    setAllInstrumental(dataset, true);
    expect(dataset.metadata.all_instrumental).toBe(true);
    expect(dataset.samples[0]).toMatchObject({ lyrics: "la la", is_instrumental: false, language: "en" });
    expect(dataset.samples[1]).toMatchObject({
      lyrics: "[Instrumental]",
      is_instrumental: true,
      language: "unknown",
    });
  });

  it("off: leaves lyrics and language as they are", () => {
    const dataset = songs();
    setAllInstrumental(dataset, false);
    expect(dataset.samples[1]).toMatchObject({
      lyrics: "written by a model",
      is_instrumental: false,
      language: "de",
    });
  });
});
