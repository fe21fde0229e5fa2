import { mixDatasets, promptCaptions, type Dataset } from "@acewright/dataset";
import { expect, test } from "vitest";
import { datasetOf } from "./datasets.js";

const songs = (count: number, metadata: object = {}): Dataset =>
  datasetOf(
    Array.from({ length: count }, (_, n) => ({
      id: `${n}`,
      audio_path: `${n}.wav`,
      caption: `c${n}`,
      genre: `g${n}`,
      labeled: true,
    })),
    metadata,
  );

test("songs of all datasets are prompted as before, under ids of their own", () => {
  const bells = songs(4, { name: "bells", custom_tag: "zxc", genre_ratio: 50 });
  const drums = songs(3, { name: "drums", custom_tag: "qwe" });
  const { dataset } = mixDatasets(
    [
      { dataset: bells, folder: "/all/bells" },
      { dataset: drums, folder: "/elsewhere" },
    ],
    { folder: "/all" },
  );
  expect(dataset.metadata).toMatchObject({
    name: "bells + drums",
    custom_tag: "",
    genre_ratio: 0,
    num_samples: 7,
  });
  expect(promptCaptions(dataset)).toEqual([...promptCaptions(bells), ...promptCaptions(drums)]);
  expect(new Set(dataset.samples.map(({ id }) => id)).size).toBe(7);
  expect(dataset.samples.map(({ audio_path }) => audio_path).slice(3, 5)).toEqual([
    "bells/3.wav",
    "/elsewhere/0.wav",
  ]);
});

test("equal tags and ratios stay the dataset's", () => {
  const source = { dataset: songs(2, { custom_tag: "zxc", genre_ratio: 50, mood: "sad" }), folder: "/" };
  const { dataset } = mixDatasets([source, source], { folder: "/" });
  expect(dataset.metadata).toMatchObject({ custom_tag: "zxc", genre_ratio: 50, mood: "sad" });
  expect(
    dataset.samples.every(({ custom_tag, prompt_override }) => custom_tag === "" && prompt_override === null),
  ).toBe(true);
});

test("weights are repeats, or with balance shares of an epoch", () => {
  const large = { dataset: songs(30), folder: "/a" };
  const small = { dataset: songs(10), folder: "/b" };
  const repeated = mixDatasets([large, { ...small, weight: 2 }], { folder: "/" });
  expect(repeated.shares).toEqual([0.6, 0.4]);
  expect(repeated.dataset.samples.map((sample) => sample["repeat"] ?? 1).slice(29, 31)).toEqual([1, 2]);
  const even = mixDatasets([large, small], { folder: "/", balance: true });
  expect(even.shares).toEqual([0.5, 0.5]);
  const third = mixDatasets([large, { ...small, weight: 0.5 }], { folder: "/", balance: true });
  expect(third.shares[1]).toBeCloseTo(1 / 3, 1);
});

test("what cannot be mixed is refused in one line", () => {
  const front = { dataset: songs(1, { custom_tag: "a", tag_position: "prepend" }), folder: "/" };
  const back = { dataset: songs(1, { custom_tag: "b", tag_position: "append" }), folder: "/" };
  expect(() => mixDatasets([front, back], { folder: "/" })).toThrow(
    /different places \(prepend, append\); choose one/,
  );
  expect(
    mixDatasets([front, back], { folder: "/", tagPosition: "append" }).dataset.metadata.tag_position,
  ).toBe("append");
  expect(() => mixDatasets([], { folder: "/" })).toThrow(/name at least one/);
  expect(() => mixDatasets([{ ...front, weight: 0.5, name: "x.json" }], { folder: "/" })).toThrow(
    /x\.json: weight: a whole number/,
  );
  expect(() => mixDatasets([{ ...front, weight: 0 }], { folder: "/", balance: true })).toThrow(
    /a number above 0/,
  );
});

test("a song keeps its own tag, choice and repeats, a song without an id gets one, and voices stay", () => {
  const one = datasetOf([{ id: "", custom_tag: "mine", prompt_override: "genre", repeat: 3 }]);
  Object.assign(one.metadata, { custom_tag: "a", genre_ratio: 100, all_instrumental: true });
  const other = datasetOf([{ id: "x" }]);
  Object.assign(other.metadata, { custom_tag: "b", genre_ratio: 0, all_instrumental: false });
  const sources = [
    { dataset: one, folder: "/music", weight: 2 },
    { dataset: other, folder: "/music" },
  ];
  const { dataset } = mixDatasets(sources, { folder: "/music" });
  expect(dataset.samples[0]).toMatchObject({ custom_tag: "mine", prompt_override: "genre", repeat: 6 });
  expect(dataset.samples[0]?.id).toMatch(/^[0-9a-f]{8}$/);
  expect(dataset.samples[1]).toMatchObject({ id: "x", custom_tag: "b" });
  expect(dataset.metadata.all_instrumental).toBe(false);
});

test("weights too far apart are refused, not written as repeats that nothing reads", () => {
  const sources = [1000, 0.001].map((weight) => ({ dataset: datasetOf([{}]), folder: "/music", weight }));
  expect(() => mixDatasets(sources, { folder: "/music", balance: true })).toThrow(/1000 are the most/);
});
