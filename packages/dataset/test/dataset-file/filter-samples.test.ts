import { filterSamples } from "@acewright/dataset";
import { expect, test } from "vitest";
import { datasetOf } from "./datasets.js";

const dataset = datasetOf([
  {
    filename: "Bells one.mp3",
    audio_path: "/songs/drums/Bells one.mp3",
    bpm: 120,
    caption: "slow Bells",
    labeled: true,
  },
  { filename: "two.flac", audio_path: "/songs/drums/deep/two.flac", bpm: 90, lyrics: "la", repeat: 2 },
  {
    filename: "three.mp3",
    audio_path: "three.mp3",
    keyscale: "C major",
    acewright: { artist: "Ann" },
    mood: "sad",
  },
]);

test.each<[string[], number[]]>([
  [[], [0, 1, 2]],
  [["caption"], [0]],
  [["!caption"], [1, 2]],
  [["lyrics"], [1]],
  [["!lyrics"], [0, 2]],
  [["labeled=true"], [0]],
  [["bpm=120"], [0]],
  [["bpm=120.0"], [0]],
  [["bpm="], [2]],
  [["bpm!=120"], [1, 2]],
  [["bpm<120"], [1]],
  [["bpm <= 120"], [0, 1]],
  [["bpm>90"], [0]],
  [["bpm>=90", "caption~BELLS"], [0]],
  [["filename~*.mp3"], [0, 2]],
  [["filename~?wo.*"], [1]],
  [["filename!~bells"], [1, 2]],
  [["keyscale=C major"], [2]],
  [["folder=drums"], [0, 1]],
  [["folder=/songs/drums/"], [0, 1]],
  [["folder=deep"], [1]],
  [["number<=2"], [0, 1]],
  [["repeat>1"], [1]],
  [["acewright.artist=Ann"], [2]],
  [["mood=sad"], [2]],
])("the filters %j pick %j", (filters, picked) => {
  expect(filterSamples(dataset, filters)).toEqual(picked);
});

test.each([
  [
    "tempo>3",
    /filter "tempo>3": names the field "tempo", which no sample has \(.*bpm.*\); write one such as/,
  ],
  ["bpm>fast", /compares with "fast", no number/],
  ["!bpm=3", /is no comparison/],
  ["bpm 3", /is no comparison/],
  ["", /begins with no field/],
  [">=3", /begins with no field/],
])("the filter %j is refused in one line", (filter, message) => {
  expect(() => filterSamples(dataset, [filter])).toThrow(message);
});

test("a pattern of many stars takes no time", () => {
  const long = datasetOf([{ caption: "a".repeat(100_000) }]);
  const startMs = performance.now();
  expect(filterSamples(long, [`caption~${"a*".repeat(30)}b`])).toEqual([]);
  expect(performance.now() - startMs).toBeLessThan(2000);
});
