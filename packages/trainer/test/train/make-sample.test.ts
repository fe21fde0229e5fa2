import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AudioTags } from "@acewright/dataset";
import { expect, test } from "vitest";
import { testSongs } from "../quadratic-model.js";
import { events, ofType, parts, scratch, shortRun } from "../trained.js";

interface Written {
  readonly frames: number;
  readonly file: string;
  readonly tags: AudioTags | undefined;
}

/** A run whose songs are counted and not made into sound. */
async function samplesOf(lengths: readonly number[], changes: object, run = join(scratch(), "run")) {
  const written: Written[] = [];
  const openSongMaker = () => ({
    prepare: () => Promise.reject(new Error("no words are to be encoded")),
    write: (latents: Float32Array, file: string, tags?: AudioTags) => {
      written.push({ frames: latents.length / 64, file, tags });
      writeFileSync(file, latents);
      return Promise.resolve();
    },
  });
  const on = parts({}, { openSamples: () => Promise.resolve(testSongs(lengths)), openSongMaker });
  const all = await events(shortRun(run, { sampleEvery: 100, maxSteps: 1, ...changes }), {}, on);
  return { written, all, run };
}

test("a run without prompts sings its first song, or the first that is held out, of half a minute at most", async () => {
  expect((await samplesOf([40, 56, 64], {})).written.map(({ frames }) => frames)).toEqual([40]);
  expect((await samplesOf([1000, 56], {})).written.map(({ frames }) => frames)).toEqual([750]);
  const lengths = [40, 56, 64, 24, 80];
  const held = await samplesOf(lengths, { validationFraction: 0.2, seed: 3 });
  const own = await samplesOf(lengths, { seed: 3 });
  expect(own.written[0]?.frames).toBe(40);
  expect(lengths.slice(1)).toContain(held.written[0]?.frames);
});

test("each song is named by its step and tells run, step, seed and model", async () => {
  const { written, all, run } = await samplesOf([40], { sampleEvery: 1, maxSteps: 2, epochs: 4, seed: 9 });
  expect(ofType(all, "sample").map(({ step, file }) => [step, file])).toEqual(
    [0, 1, 2].map((step) => [step, join(run, "samples", `step-0000000${step}.wav`)]),
  );
  expect(written[2]?.tags).toMatchObject({ SEED: "9", MODEL: "quadratic", ADAPTER: `${run} (step 2)` });
});

test("songs that a killed process had made of its last checkpoint's step are not made again", async () => {
  const run = join(scratch(), "run");
  const config = shortRun(run, { sampleEvery: 2, saveEverySteps: 2, maxSteps: 4 });
  const dying = parts({ failAt: (step) => (step === 2 ? new Error("killed") : undefined) });
  await expect(events(config, {}, dying)).rejects.toThrow("killed");
  const resumed = await events(config, { resume: true });
  expect(ofType(resumed, "sample").map(({ step }) => step)).toEqual([4]);
});
