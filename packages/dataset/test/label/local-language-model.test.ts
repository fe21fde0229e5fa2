import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseDescription } from "../../src/label/description.js";
import { changedWords } from "../../src/label/lyric-words.js";
import type { AnswerRequest } from "../../src/label/model/language-model.js";
import { LocalLanguageModel } from "../../src/label/model/local-language-model.js";
import { languages } from "../../src/label/song-values.js";
import { writeTinyLanguageModel } from "./tiny-language-model.js";

let folder: string;
let model: LocalLanguageModel;
beforeAll(async () => {
  folder = writeTinyLanguageModel(mkdtempSync(join(tmpdir(), "acewright-lm-")));
  const device = { name: "cpu", reason: "test" } as const;
  model = await LocalLanguageModel.open(folder, { device, contextTokens: 1024 });
}, 60_000);
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

const request: AnswerRequest = {
  sampling: { temperature: 0.7, topK: 0, topP: 1, repetitionPenalty: 1 },
  key: "song",
  maxNewTokens: 900,
  isConstrained: true,
};
const codes = Array.from({ length: 40 }, (_, i) => (i * 7919) % 64_000);

test("a model of random weights describes a song in the right form", async () => {
  const answer = await model.describe(codes, false, request);
  expect(answer.isWhole).toBe(true);
  const { metas, problems } = parseDescription(answer.text);
  expect(problems).toEqual([]);
  expect(Object.keys(metas).sort()).toEqual(
    ["bpm", "caption", "duration", "genres", "keyscale", "language", "timesignature"].sort(),
  );
  expect(languages).toContain(metas.language);
});

test("the same key gives the same answer, another key or other codes another one", async () => {
  const text = async (key: string, from = codes): Promise<string> =>
    (await model.describe(from, false, { ...request, key })).text;
  const first = await text("song");
  expect(await text("song")).toBe(first);
  expect(await text("another")).not.toBe(first);
  expect(await text("song", codes.slice(7))).not.toBe(first);
});

test("lyrics follow the block, without audio codes, and end at the limit of tokens", async () => {
  const { text, tokens, isWhole } = await model.describe(codes, true, request);
  expect(text).not.toContain("audio_code");
  expect(parseDescription(text).lyrics).not.toBe("");
  expect(isWhole || tokens === 900).toBe(true);
});

test("unconstrained, it says whatever it likes", async () => {
  const { text } = await model.describe(codes, false, { ...request, isConstrained: false, maxNewTokens: 30 });
  expect(text).toContain("<|audio_code_");
});

test("formatted lyrics keep every word", async () => {
  const lyrics = "seven in a row\n\nseven to the end\nseven on the way";
  const answer = await model.formatLyrics("A slow song.", lyrics, request);
  const formatted = parseDescription(answer.text).lyrics;
  expect(changedWords(lyrics, formatted)).toEqual({ dropped: 0, added: 0, words: 12 });
});

test("it stops between two tokens when it is told to", async () => {
  const stop = new AbortController();
  const answer = model.describe(codes, true, {
    ...request,
    signal: stop.signal,
    onTokens: (tokens) => {
      if (tokens === 3) stop.abort();
    },
  });
  await expect(answer).rejects.toThrow(/abort/i);
});

test("a prompt longer than the context is refused with what to do", async () => {
  const long = Array.from({ length: 1024 }, () => 1);
  await expect(model.describe(long, false, request)).rejects.toThrow(/--context-tokens/);
});
