import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveModelFolders } from "../../src/encoders/model-folders.js";
import { textSha256 } from "../../src/fingerprint.js";
import type { SongState } from "../../src/preprocess/pending-songs.js";
import { networkPrints, songStates } from "../../src/preprocess/pending-songs.js";
import type { Recipe } from "../../src/preprocess/recipe.js";
import type { PreprocessSettings } from "../../src/preprocess/settings.js";
import { parsePreprocessSettings } from "../../src/preprocess/settings.js";
import type { SongWork } from "../../src/preprocess/song-work.js";
import type { TensorStore } from "../../src/tensors/tensor-store.js";
import { readSilenceLatent } from "../../src/torch-file/silence-latent.js";
import { toyModel } from "../reference-folders.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-pending-"));
  writeFileSync(join(folder, "a.wav"), "sound of a");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const prompt = {
  captions: ["bells"],
  lyrics: "la",
  bpm: null,
  timesignature: "",
  keyscale: "",
  language: "en",
};
const chunk = { startS: 0, endS: 5 };
const variant = { semitones: 2, tempo: 1, gainDb: 0 };
const prints = { model: "model", vae: "vae", textEncoder: "text" };
const none: Pick<TensorStore, "find"> = { find: () => Promise.resolve(undefined) };

const work = (more: Partial<SongWork> = {}): SongWork =>
  ({
    id: "a",
    songId: "a",
    piece: {},
    file: "a.safetensors",
    audioFile: join(folder, "a.wav"),
    isMissing: false,
    prompt,
    ...more,
  }) as SongWork;

async function states(
  works: readonly SongWork[],
  settings: Partial<PreprocessSettings> = {},
  signal = new AbortController().signal,
): Promise<SongState[]> {
  const all: SongState[] = [];
  for await (const state of songStates(works, parsePreprocessSettings(settings), prints, none, signal))
    all.push(state);
  return all;
}

async function recipeOf(
  settings: Partial<PreprocessSettings>,
  piece: SongWork["piece"] = {},
): Promise<Recipe> {
  const [state] = await states([work({ piece })], settings);
  if (state?.state !== "pending") throw new Error("is not pending");
  return state.work.recipe;
}

describe("a song's recipe", () => {
  test("has what its tensors depend on, and no key for what is left alone", async () => {
    expect(await recipeOf({})).toEqual({
      version: 1,
      audio: textSha256("sound of a"),
      prompt,
      conditioning: "inference",
      posterior: "sample",
      seed: 0,
      ...prints,
    });
  });

  test("has no seed where no noise is drawn, so that another seed makes nothing again", async () => {
    expect(await recipeOf({ posterior: "mean", seed: 5 })).not.toHaveProperty("seed");
    expect(await recipeOf({ seed: 5 })).toHaveProperty("seed", 5);
  });

  test("has the length that is kept, not how it was said", async () => {
    expect(await recipeOf({ maxDurationS: 10 })).toHaveProperty("maxDurationS", 10);
    expect(await recipeOf({ maxDurationS: 0 })).not.toHaveProperty("maxDurationS");
  });

  test("has the piece and the empty fields where there are any", async () => {
    expect(await recipeOf({}, { chunk })).toHaveProperty("piece", { chunk });
    expect(await recipeOf({ fieldDropout: true })).toHaveProperty("fieldDropout", true);
  });

  test("has the level that is aimed at; of a variant alone the ceiling, which a chunk does not meet", async () => {
    const peak = { normalize: "peak", target: -3, ceilingDb: -2 };
    expect(await recipeOf({ normalize: "peak", peakDb: -3, ceilingDb: -2 })).toHaveProperty("level", peak);
    expect(await recipeOf({ ceilingDb: -2 }, { variant })).toHaveProperty("level", { ceilingDb: -2 });
    expect(await recipeOf({ ceilingDb: -2 }, { chunk })).not.toHaveProperty("level");
  });
});

describe("songs are looked at in turn", () => {
  test("the file is read once for all pieces, and why it cannot be is one error", async () => {
    const gone = { audioFile: join(folder, "gone.wav"), songId: "gone" };
    const all = await states([
      work({ id: "gone-c001", ...gone }),
      work({ id: "gone-c002", ...gone }),
      work(),
    ]);
    expect(all.map(({ state }) => state)).toEqual(["failed", "failed", "pending"]);
    const errors = all.flatMap((state) => (state.state === "failed" ? [state.error] : []));
    expect(errors[1]).toBe(errors[0]);
    expect(errors[0]).toMatchObject({ code: "ERR_FILE" });
    expect(errors[0]?.message).toMatch(/gone\.wav: cannot be read: ENOENT/);
  });

  test("one that the dataset knows to be missing is not looked for, and what to mend is said", async () => {
    const [state] = await states([work({ isMissing: true })]);
    expect(state).toMatchObject({ state: "failed" });
    expect(state?.state === "failed" && state.error.message).toMatch(
      /a\.wav: cannot be read: it does not exist; mend audio_path/,
    );
  });

  test("one without a caption is refused, also where only one of its captions is empty", async () => {
    const [state] = await states([work({ prompt: { ...prompt, captions: ["bells", ""] } })]);
    expect(state?.state === "failed" && [state.error.code, state.error.message]).toEqual([
      "ERR_CONFIG",
      expect.stringContaining("a.wav: has no caption; write one") as string,
    ]);
  });

  test("a stop ends it with the signal's reason, between pieces and within a file, and is no song's failure", async () => {
    const stop = new AbortController();
    const works = [work({ id: "a-c001" }), work({ id: "a-c002" })];
    const looking = songStates(works, parsePreprocessSettings({}), prints, none, stop.signal);
    expect((await looking.next()).value).toMatchObject({ state: "pending" });
    stop.abort(new Error("stopped"));
    await expect(looking.next()).rejects.toThrow("stopped");

    const within = new AbortController();
    const first = songStates([work()], parsePreprocessSettings({}), prints, none, within.signal).next();
    within.abort(new Error("stopped within"));
    await expect(first).rejects.toThrow("stopped within");
  });
});

describe("the networks' fingerprints", () => {
  test("change with every file that they depend on, and only the one of that network", () => {
    const checkpoints = join(folder, "checkpoints");
    cpSync(dirname(toyModel), checkpoints, { recursive: true });
    const folders = resolveModelFolders(join(checkpoints, "acestep-v15-toy"));
    const silence = readSilenceLatent(folders.model);
    const before = networkPrints(folders, silence);
    expect(networkPrints(folders, silence)).toEqual(before);

    const other = Float32Array.from(silence.latents).fill(0.5, 0, 1);
    const silenced = networkPrints(folders, { ...silence, latents: other });
    expect(silenced).toEqual({ ...before, model: silenced.model });
    expect(silenced.model).not.toBe(before.model);

    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
      const path = join(folders.textEncoder, name);
      const text = readFileSync(path, "utf8");
      writeFileSync(path, `${text}\n`);
      const now = networkPrints(folders, silence);
      expect(now, name).toEqual({ ...before, textEncoder: now.textEncoder });
      expect(now.textEncoder, name).not.toBe(before.textEncoder);
      writeFileSync(path, text);
    }
  });
});
