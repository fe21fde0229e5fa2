import { expect, test } from "vitest";
import { purposes, randomStream, shuffle, type Purpose } from "../../src/plan/counter-random.js";
import { epochBatches, type EpochSettings, type SongShape } from "../../src/plan/epoch.js";
import { splitSongs, validationPlaces } from "../../src/plan/validation.js";
import { withAdaptiveTimesteps } from "../../src/plan/adaptive-timesteps.js";
import { wordings } from "./wordings.js";

// A run that was begun with another version goes on with this one: what is drawn here may never change.

test("the first number of each purpose is what it always was", () => {
  const names = Object.keys(purposes) as Purpose[];
  const first = Object.fromEntries(names.map((name) => [name, randomStream(42, name, 1, 2)()]));
  expect(first).toMatchInlineSnapshot(`
    {
      "adaptiveTimestep": 0.2523414591751132,
      "batchOrder": 0.5715566882113264,
      "captionDropout": 0.08202745678142631,
      "crop": 0.6098668391361555,
      "cropOffset": 0.5290896371657781,
      "invented": 0.8303212270741,
      "lyricsDropout": 0.37346867855846555,
      "mixedOrder": 0.8029469661299613,
      "order": 0.3661913736455473,
      "regularization": 0.6074101788017627,
      "validationCrop": 0.8890920292058438,
      "validationSplit": 0.8940402936000755,
      "variant": 0.3357079177535144,
    }
  `);
  expect(randomStream(2 ** 53 - 1, "order", 1_000_000)()).toMatchInlineSnapshot(`0.7547001410555432`);
});

test("every order of a few things is as likely as any other", () => {
  const seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffle([0, 1, 2], randomStream(5, "order", i)).join("");
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  // 1000 expected each, standard deviation 29: five of them.
  expect(seen.size).toBe(6);
  for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(145);
});

const settings: EpochSettings = {
  seed: 42,
  repeats: 2,
  batchSize: 2,
  cropFrames: 30,
  cropPlacement: "even",
  bucketFrames: 16,
  bucketConditionTokens: 4,
  regularizationRatio: 0.5,
  captionDropout: 0.4,
  lyricsDropout: 0.3,
};
const song = (frames: number): SongShape => ({ frames, conditionTokens: [9, 8, 7, 6, 5, 4], wordings });
const songs = [100, 20, 64, 200].map(song);
const written = (changes: Partial<EpochSettings>) =>
  epochBatches(songs, { ...settings, ...changes }, 3, [song(80), song(90)]).map((batch) =>
    batch.map((place) => `${place.song}@${place.start}/${place.variant}`).join(" "),
  );

test("an epoch with everything random in it is what it always was", () => {
  expect(written({})).toMatchInlineSnapshot(`
    [
      "1@0/5 2@8/1",
      "0@61/1 4@9/1",
      "3@98/1 5@35/1",
      "0@34/0 3@33/0",
      "5@58/1 2@21/1",
      "4@28/3 1@0/2",
    ]
  `);
  expect(written({ cropPlacement: "random", likeTogether: false })).toMatchInlineSnapshot(`
    [
      "2@28/1 4@41/3",
      "0@34/0 1@0/2",
      "3@22/0 5@50/1",
      "2@10/1 3@114/1",
      "5@58/1 0@49/1",
      "1@0/5 4@19/1",
    ]
  `);
});

test("songs held out, their crops and adaptive timesteps are what they always were", () => {
  expect(splitSongs(12, 0.25, 42)?.validation).toMatchInlineSnapshot(`
    [
      2,
      5,
      8,
    ]
  `);
  const shape = song(500);
  const asked = validationPlaces([{ index: 3, shape }], { draws: 3, cropFrames: 30, seed: 42 });
  expect(asked.map(({ start }) => start)).toMatchInlineSnapshot(`
    [
      177,
      397,
      298,
    ]
  `);
  const losses = [1, 2, 3, 4, 5, 5, 4, 3, 2, 1];
  const refs = [0, 1, 2].map((key) => ({ sample: 0, key }));
  const drawn = withAdaptiveTimesteps([refs], { seed: 42, step: 7, share: 0.9, losses });
  expect(drawn.flat().map(({ timestep }) => timestep)).toMatchInlineSnapshot(`
    [
      0.25936104700401164,
      0.7821380461056885,
      0.4073722180936953,
    ]
  `);
});

test("which of a song's captions are left empty changes from epoch to epoch", () => {
  const empty = (own: number, epoch: number) =>
    epochBatches(songs, { ...settings, lyricsDropout: 0, captionDropout: 0.5 }, epoch)
      .flat()
      .filter(({ song, variant }) => song === own && variant === 2).length;
  for (const own of songs.keys()) {
    const seen = new Set(Array.from({ length: 40 }, (_, epoch) => empty(own, epoch)));
    expect([...seen].sort()).toEqual([0, 1, 2]);
  }
});

test("songs of one step have adaptive timesteps of their own", () => {
  const refs = [[0, 1, 2, 3].map((key) => ({ sample: key, key }))];
  const draws = { seed: 1, step: 3, share: 1, losses: new Array<number>(10).fill(1) };
  const timesteps = withAdaptiveTimesteps(refs, draws)
    .flat()
    .map(({ timestep }) => timestep);
  expect(new Set(timesteps).size).toBe(4);
});
