import { describe, expect, test } from "vitest";
import type { Recipe } from "../../src/preprocess/recipe.js";
import {
  canonical,
  defined,
  existingTensors,
  latentsRecipe,
  makeRecipe,
  recipeDifference,
} from "../../src/preprocess/recipe.js";
import type { StoredSong } from "../../src/tensors/tensor-store.js";

const prompt = { captions: ["a"], lyrics: "la", bpm: 120, timesignature: "4", keyscale: "", language: "en" };
const recipe = makeRecipe({
  audio: "audio",
  prompt,
  conditioning: "inference",
  posterior: "sample",
  seed: 0,
  model: "model",
  vae: "vae",
  textEncoder: "text",
});

/** Another value of each key, what is said of it, and whether the latents are others then too. */
const changes: [keyof Recipe, unknown, RegExp, boolean][] = [
  ["version", 0, /another version/, true],
  ["audio", "other", /audio file/, true],
  ["prompt", { ...prompt, bpm: 121 }, /caption, lyrics or metas/, false],
  ["conditioning", "official", /conditioning/, false],
  ["posterior", "mean", /sample or mean/, true],
  ["seed", 1, /seed/, true],
  ["maxDurationS", 10, /maximum duration/, true],
  ["piece", { chunk: { startS: 0, endS: 4 } }, /chunk or the variant/, true],
  ["fieldDropout", true, /empty field/, false],
  ["level", { ceilingDb: -1 }, /normalisation/, true],
  ["model", "other", /another model/, false],
  ["vae", "other", /autoencoder/, true],
  ["textEncoder", "other", /text encoder/, false],
];

describe("tensors of a recipe that differs in one thing", () => {
  test("are listed here for every key there is", () => {
    const optional = ["maxDurationS", "piece", "fieldDropout", "level"];
    expect(changes.map(([key]) => key).sort()).toEqual([...Object.keys(recipe), ...optional].sort());
  });

  test.each(changes)("%s: are stale, whichever of the two has it", (key, value, says) => {
    const other = { ...recipe, [key]: value };
    expect(recipeDifference({ ...recipe }, other)).toMatch(says);
    expect(recipeDifference({ ...other }, recipe)).toMatch(says);
    expect(recipeDifference({ ...other }, other)).toBeUndefined();
  });

  test.each(changes)(
    "%s: lend their latents only where these do not depend on it",
    async (key, value, says, isSound) => {
      const old = { metadata: { recipe: { ...recipe, [key]: value } } } as unknown as StoredSong;
      const found = await existingTensors({ find: () => Promise.resolve(old) }, "id", recipe);
      expect(found).toEqual({
        state: "stale",
        reason: expect.stringMatching(says) as string,
        ...(isSound ? {} : { latents: old }),
      });
      const other = { ...recipe, [key]: value };
      expect(canonical(latentsRecipe(other)) === canonical(latentsRecipe(recipe))).toBe(!isSound);
    },
  );
});

test("a recipe is the same in whatever order its keys were written", () => {
  const turned = Object.fromEntries(
    Object.entries({ ...recipe, prompt: Object.fromEntries(Object.entries(prompt).reverse()) }).reverse(),
  );
  expect(canonical(turned)).toBe(canonical(recipe));
  expect(recipeDifference(turned, recipe)).toBeUndefined();
  // The order of captions is a difference: conditions stand in it.
  expect(canonical(["a", "b"])).not.toBe(canonical(["b", "a"]));
});

test("tensors that are there and right are valid, none are none, and unreadable ones are stale with the reason", async () => {
  const song = { metadata: { recipe: { ...recipe } } } as unknown as StoredSong;
  const find = (found: StoredSong | undefined) => ({ find: () => Promise.resolve(found) });
  expect(await existingTensors(find(song), "id", recipe)).toEqual({ state: "valid", song });
  expect(await existingTensors(find(undefined), "id", recipe)).toEqual({ state: "none" });
  const damaged = { find: () => Promise.reject(new Error("its checksum differs")) };
  expect(await existingTensors(damaged, "id", recipe)).toEqual({
    state: "stale",
    reason: "its checksum differs",
  });
});

test("only keys that are undefined are left out", () => {
  expect(defined({ a: undefined, b: null, c: 0, d: "", e: false })).toEqual({
    b: null,
    c: 0,
    d: "",
    e: false,
  });
});
