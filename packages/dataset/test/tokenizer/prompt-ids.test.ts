import { readSafetensors } from "@acewright/core-native";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PromptFields } from "../../src/prompts.js";
import { textPrompt } from "../../src/prompts.js";
import { songPromptIds } from "../../src/tokenizer/prompt-ids.js";
import { PromptTokenizer } from "../../src/tokenizer/prompt-tokenizer.js";
import { toy, toySongs, toyTextEncoder } from "../reference-folders.js";

const tokenizer = PromptTokenizer.open(toyTextEncoder);

const fieldsOf = (song: (typeof toySongs)[number], durationS: number): PromptFields => ({
  caption: `${song.tempo} bells arpeggio in 7/8 with shaker in ${song.key}`,
  lyrics: `[Verse]\ntoy bells\n${song.words}`,
  bpm: song.bpm,
  timesignature: "7",
  keyscale: song.key,
  durationS,
  language: "en",
});

test("the toy songs' prompts have exactly the ids the reference conditions were made of", () => {
  const { tensors } = readSafetensors(join(toy, "expected.safetensors"));
  const expected = (name: string): number[] => {
    const data = tensors[name]?.data as Uint8Array;
    return [...new BigInt64Array(data.slice().buffer)].map(Number);
  };
  for (const [i, song] of toySongs.entries()) {
    const { text, lyrics, warnings } = songPromptIds(tokenizer, fieldsOf(song, song.durationS), "inference");
    expect(text.ids).toEqual(expected(`ids.text.${i}`));
    expect(lyrics.ids).toEqual(expected(`ids.lyric.${i}`));
    expect(warnings).toEqual([]);
  }
});

describe("a caption that is too long", () => {
  const long = { ...fieldsOf(toySongs[0], 10), caption: "bells and organ, ".repeat(200).trim() };

  test("is cut so that the Metas block and the end stay, and a warning says so", () => {
    const { text, warnings } = songPromptIds(tokenizer, long, "inference");
    const end = textPrompt({ ...long, caption: "" }).split("# Metas")[1] as string;
    const ending = [...tokenizer.ids(end), ...tokenizer.tail];
    expect(text.ids.length).toBeLessThanOrEqual(256);
    expect(text.ids.length).toBeGreaterThan(250);
    expect(text.ids.slice(-ending.length)).toEqual(ending);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/caption was cut from \d+ to \d+ characters/);
  });

  test("loses its end under official conditioning, as upstream does, but keeps the appended token", () => {
    const { text, warnings } = songPromptIds(tokenizer, long, "official");
    expect(text.ids).toHaveLength(256);
    expect(text.ids.at(-1)).toBe(tokenizer.tail[0]);
    expect(text.ids.slice(0, 255)).toEqual(tokenizer.ids(textPrompt(long)).slice(0, 255));
    expect(warnings[0]).toMatch(/Metas block, was cut/);
  });

  test("is never cut inside a letter of several code units", () => {
    const { text } = songPromptIds(tokenizer, { ...long, caption: "🎵".repeat(400) }, "inference");
    expect(text.ids.length).toBeLessThanOrEqual(256);
  });
});

test("metas that leave no room at all are refused", () => {
  const fields = { ...fieldsOf(toySongs[0], 10), keyscale: "C major or ".repeat(200) };
  expect(() => songPromptIds(tokenizer, fields, "inference")).toThrow(/without its caption/);
});

test("lyrics over the limit keep the appended token and are counted", () => {
  const fields = { ...fieldsOf(toySongs[0], 10), lyrics: "la ".repeat(4000) };
  const { lyrics, warnings } = songPromptIds(tokenizer, fields, "inference");
  expect(lyrics.ids).toHaveLength(2048);
  expect(lyrics.ids.at(-1)).toBe(tokenizer.tail[0]);
  expect(warnings[0]).toMatch(/2048 are read/);
});

test("official conditioning pads both prompts to their fixed lengths and masks the padding", () => {
  const { text, lyrics } = songPromptIds(tokenizer, fieldsOf(toySongs[0], 10), "official");
  expect([text.ids.length, lyrics.ids.length]).toEqual([256, 512]);
  const bare = tokenizer.encode(fieldsOf(toySongs[0], 10).lyrics).ids;
  expect(lyrics.ids.slice(0, bare.length)).toEqual(bare);
  expect(lyrics.mask.reduce((sum, bit) => sum + bit, 0)).toBe(bare.length);
  expect(lyrics.ids.at(-1)).toBe(tokenizer.padId);
});
