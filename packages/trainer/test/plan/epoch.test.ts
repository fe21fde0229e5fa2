import { describe, expect, test } from "vitest";
import { randomStream } from "../../src/plan/counter-random.js";
import {
  batchesPerEpoch,
  crop,
  epochBatches,
  type EpochSettings,
  type SongShape,
} from "../../src/plan/epoch.js";
import { wordings } from "./wordings.js";

const settings: EpochSettings = {
  seed: 42,
  repeats: 1,
  batchSize: 1,
  cropFrames: undefined,
  cropPlacement: "even",
  bucketFrames: 128,
  bucketConditionTokens: 32,
  regularizationRatio: 0.5,
  captionDropout: 0,
  lyricsDropout: 0,
};

/** Many random shapes and settings, the same in every run of the test. */
function* cases(count: number): Generator<{ songs: SongShape[]; settings: EpochSettings; epoch: number }> {
  for (let i = 0; i < count; i++) {
    const next = randomStream(1, "order", i);
    const pick = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
    const songs = Array.from({ length: pick(1, 40) }, () => ({
      frames: pick(2, 3000),
      conditionTokens: Array.from({ length: pick(1, 3) }, () => pick(1, 300)),
      ...(next() < 0.3 ? { repeats: pick(1, 5) } : {}),
    }));
    yield {
      songs,
      epoch: pick(0, 1000),
      settings: {
        ...settings,
        seed: pick(0, 1e9),
        repeats: pick(1, 3),
        batchSize: pick(1, 7),
        cropFrames: next() < 0.5 ? undefined : pick(2, 1500),
        cropPlacement: next() < 0.5 ? "even" : "random",
        likeTogether: next() < 0.7,
      },
    };
  }
}

test("every song stands in an epoch as often as asked, whatever the batch size", () => {
  for (const { songs, settings, epoch } of cases(200)) {
    const batches = epochBatches(songs, settings, epoch);
    const times = new Array<number>(songs.length).fill(0);
    for (const { song } of batches.flat()) times[song] = (times[song] ?? 0) + 1;
    expect(times).toEqual(songs.map(({ repeats = 1 }) => settings.repeats * repeats));
    expect(batches).toHaveLength(batchesPerEpoch(songs, settings));
    expect(batches.filter((batch) => batch.length < settings.batchSize).length).toBeLessThanOrEqual(1);
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(settings.batchSize);
  }
});

test("crops lie within their song and have the asked length where the song has it", () => {
  for (const { songs, settings, epoch } of cases(200)) {
    for (const { song, start, frames, variant } of epochBatches(songs, settings, epoch).flat()) {
      const shape = songs[song] as SongShape;
      expect(start).toBeGreaterThanOrEqual(0);
      expect(start + frames).toBeLessThanOrEqual(shape.frames);
      expect(frames).toBe(Math.min(shape.frames, settings.cropFrames ?? shape.frames));
      expect(variant).toBeLessThan(shape.conditionTokens.length);
    }
  }
});

test("an epoch is a function of seed and number, and differs from the next", () => {
  for (const { songs, settings, epoch } of cases(20)) {
    expect(epochBatches(songs, settings, epoch)).toEqual(epochBatches(songs, settings, epoch));
    if (songs.length < 8) continue;
    expect(epochBatches(songs, settings, epoch + 1)).not.toEqual(epochBatches(songs, settings, epoch));
    expect(epochBatches(songs, { ...settings, seed: settings.seed + 1 }, epoch)).not.toEqual(
      epochBatches(songs, settings, epoch),
    );
  }
});

test("songs of one length whose conditions differ are kept apart as well", () => {
  const songs = Array.from({ length: 64 }, (_, i) => ({ frames: 100, conditionTokens: [i % 2 ? 10 : 300] }));
  const batches = epochBatches(songs, { ...settings, batchSize: 5 }, 3);
  const mixed = batches.filter((batch) => new Set(batch.map(({ song }) => song % 2)).size > 1);
  expect(mixed.length).toBeLessThanOrEqual(1);
});

test("with more than one song a batch, all but few batches hold one bucket", () => {
  const songs = Array.from({ length: 64 }, (_, i) => ({ frames: i % 2 ? 100 : 1000, conditionTokens: [10] }));
  const batches = epochBatches(songs, { ...settings, batchSize: 5 }, 3);
  const mixed = batches.filter((batch) => new Set(batch.map(({ frames }) => frames)).size > 1);
  expect(mixed.length).toBeLessThanOrEqual(1);
  const order = batches.map((batch) => batch[0]?.frames);
  expect([...order].sort()).not.toEqual(order);
});

test("the order is fixed for all time: old runs must resume with it", () => {
  const songs = Array.from({ length: 8 }, () => ({ frames: 100, conditionTokens: [10, 12] }));
  const places = epochBatches(songs, { ...settings, cropFrames: 20, cropPlacement: "random" }, 1).flat();
  expect(places.map(({ song, start, variant }) => [song, start, variant])).toMatchInlineSnapshot(`
    [
      [
        7,
        59,
        0,
      ],
      [
        1,
        68,
        1,
      ],
      [
        0,
        46,
        1,
      ],
      [
        2,
        49,
        0,
      ],
      [
        4,
        27,
        1,
      ],
      [
        6,
        66,
        0,
      ],
      [
        3,
        20,
        0,
      ],
      [
        5,
        60,
        0,
      ],
    ]
  `);
});

test("every start of a crop is possible and none is favoured", () => {
  const seen = new Array<number>(5).fill(0);
  const next = randomStream(3, "crop");
  for (let i = 0; i < 5000; i++) {
    const { start } = crop(14, 10, next);
    seen[start] = (seen[start] ?? 0) + 1;
  }
  // 1000 expected each, standard deviation 28: five of them.
  for (const times of seen) expect(Math.abs(times - 1000)).toBeLessThan(142);
});

test("a song's repeats draw crops of their own, and repeats of 1 change nothing", () => {
  const crops = { ...settings, cropFrames: 10 };
  const songs = [500, 600, 700].map((frames) => ({ frames, conditionTokens: [4] }));
  const weighted = songs.map((song, i) => ({ ...song, repeats: i === 1 ? 6 : 1 }));
  const places = epochBatches(weighted, crops, 0).flat();
  expect(places.filter(({ song }) => song === 1)).toHaveLength(6);
  expect(new Set(places.filter(({ song }) => song === 1).map(({ start }) => start)).size).toBeGreaterThan(3);
  const plain = songs.map((song) => ({ ...song, repeats: 1 }));
  expect(epochBatches(plain, crops, 3)).toEqual(epochBatches(songs, crops, 3));
});

test("even crops visit every part of a song equally often, however its visits are spread over epochs", () => {
  const songs: SongShape[] = [
    { frames: 3300, conditionTokens: [10] },
    { frames: 500, conditionTokens: [10], repeats: 3 },
  ];
  const spread = (cropPlacement: "even" | "random", song: number) => {
    const bins = new Array<number>(32).fill(0);
    const range = (songs[song]?.frames ?? 0) - 100 + 1;
    for (let epoch = 0; epoch < 160; epoch++) {
      const all = epochBatches(
        songs,
        { ...settings, repeats: 2, cropFrames: 100, cropPlacement },
        epoch,
      ).flat();
      for (const place of all.filter((one) => one.song === song)) {
        const bin = Math.floor((place.start / range) * 32);
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
    }
    return { least: Math.min(...bins), most: Math.max(...bins) };
  };
  // 320 visits are ten a bin; drawn at random some bins get four, others seventeen.
  const first = spread("even", 0);
  expect(first.least).toBeGreaterThanOrEqual(8);
  expect(first.most).toBeLessThanOrEqual(12);
  const second = spread("even", 1);
  expect(second.least).toBeGreaterThanOrEqual(26);
  expect(second.most).toBeLessThanOrEqual(34);
  expect(spread("random", 0).least).toBeLessThan(first.least);
});

describe("a prompt's fields left empty", () => {
  const songs: SongShape[] = [{ frames: 10, conditionTokens: [9, 8, 7, 6, 5, 4], wordings, repeats: 4000 }];
  const drawn = (changes: Partial<EpochSettings>, of = songs) =>
    epochBatches(of, { ...settings, ...changes }, 3)
      .flat()
      .map(({ variant }) => variant);
  const share = (variants: readonly number[], wanted: readonly number[]) =>
    variants.filter((variant) => wanted.includes(variant)).length / variants.length;

  test("never, unless asked for", () => {
    expect(new Set(drawn({}))).toEqual(new Set([0, 1]));
  });

  test("as often as asked, each field by itself, and the captions as before", () => {
    const both = drawn({ captionDropout: 0.25, lyricsDropout: 0.4 });
    expect(share(both, [2, 5])).toBeCloseTo(0.25, 1);
    expect(share(both, [3, 4, 5])).toBeCloseTo(0.4, 1);
    expect(share(both, [5])).toBeCloseTo(0.1, 1);
    expect(Math.abs(share(both, [0]) - share(both, [1]))).toBeLessThan(0.05);
    expect(new Set(drawn({ captionDropout: 1 }))).toEqual(new Set([2]));
    expect(new Set(drawn({ captionDropout: 1, lyricsDropout: 1 }))).toEqual(new Set([5]));
    // What one field draws does not depend on the other's probability.
    const alone = drawn({ captionDropout: 0.25 });
    expect(alone.map((variant) => variant === 2)).toEqual(both.map((variant) => [2, 5].includes(variant)));
  });

  test("of a song that nobody sings the lyrics stay", () => {
    const unsung = [
      { frames: 10, conditionTokens: [9, 7], wordings: [wordings[0], wordings[2]], repeats: 50 },
    ];
    expect(new Set(drawn({ lyricsDropout: 1 }, unsung as SongShape[]))).toEqual(new Set([0]));
    expect(new Set(drawn({ lyricsDropout: 1, captionDropout: 1 }, unsung as SongShape[]))).toEqual(
      new Set([1]),
    );
  });
});
