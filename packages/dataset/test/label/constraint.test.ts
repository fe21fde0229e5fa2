import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dead } from "../../src/label/decoding/byte-machine.js";
import { FormConstraints } from "../../src/label/decoding/constraint.js";
import type { TextForm } from "../../src/label/decoding/text-form.js";
import { lyricsForm, metadataForm } from "../../src/label/decoding/text-form.js";
import { sampleToken, uniforms } from "../../src/label/decoding/sampling.js";
import { TokenVocabulary } from "../../src/label/model/token-vocabulary.js";
import { parseDescription } from "../../src/label/description.js";
import { keyScales, languages } from "../../src/label/song-values.js";
import { PromptTokenizer } from "../../src/tokenizer/prompt-tokenizer.js";
import { toyTextEncoder } from "../reference-folders.js";
import { writeTinyLanguageModel } from "./tiny-language-model.js";

const form = metadataForm({ thinkStart: 1, thinkEnd: 2, textEnd: 3 });

/** Whether the machine takes the lines between the two marks. */
function takes(lines: string): boolean {
  const { machine, start, end } = form;
  const inside = machine.markAt(start)?.next as number;
  const last = machine.walk(inside, Buffer.from(lines).toString("latin1"));
  return last !== dead && machine.markAt(last)?.next === end;
}

const block = (change: Record<string, string> = {}): string => {
  const values = {
    bpm: "120",
    caption: "A slow song.",
    duration: "200",
    genres: "folk",
    keyscale: "C# minor",
    language: "en",
    timesignature: "4",
    ...change,
  };
  return `\n${Object.entries(values)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("")}`;
};

describe("the form of the metadata block", () => {
  test.each([
    {},
    { bpm: "30" },
    { bpm: "300" },
    { duration: "10" },
    { duration: "600" },
    { caption: "One line,\n  and another. And more!" },
    { caption: "“Hé” 日本語の歌。" },
    { caption: 'He says "no."' },
    { genres: "日本 pop, électro" },
    { keyscale: "B♭ major" },
    { language: "unknown" },
    { timesignature: "6" },
  ])("takes %j", (change) => {
    expect(takes(block(change))).toBe(true);
  });

  test.each<Record<string, string>>([
    { bpm: "29" },
    { bpm: "301" },
    { bpm: "012" },
    { bpm: "" },
    { duration: "9" },
    { duration: "601" },
    { caption: "No stop" },
    { caption: "" },
    { caption: " ." },
    { caption: "Two.\n\n  Runs." },
    { caption: "Not indented\nhere." },
    { caption: "Ends here.</think>" },
    { caption: "Half \u{fffd}".replace("\u{fffd}", "\u0007") },
    { genres: "" },
    { genres: "a\nb" },
    { keyscale: "H minor" },
    { keyscale: "C dorian" },
    { language: "xx" },
    { timesignature: "5" },
  ])("refuses %j", (change) => {
    expect(takes(block(change))).toBe(false);
  });

  test("refuses fields in another order, and broken UTF-8", () => {
    expect(takes("\ncaption: A.\nbpm: 120\n")).toBe(false);
    const { machine, start } = form;
    const inside = machine.markAt(start)?.next as number;
    expect(machine.walk(inside, "\nbpm: 120\ncaption: \xe3\x80")).not.toBe(dead);
    expect(machine.walk(inside, "\nbpm: 120\ncaption: \xe3A")).toBe(dead);
    expect(machine.walk(inside, "\nbpm: 120\ncaption: \x80")).toBe(dead);
  });
});

describe("the tokens that may come next", () => {
  let folder: string;
  let vocabulary: TokenVocabulary;
  let constraints: FormConstraints;
  let form: TextForm;
  beforeAll(() => {
    folder = writeTinyLanguageModel(mkdtempSync(join(tmpdir(), "acewright-lm-")));
    vocabulary = new TokenVocabulary(folder, PromptTokenizer.open(folder));
    form = metadataForm(vocabulary.ids);
    constraints = new FormConstraints(vocabulary, form);
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("every token's bytes are those the tokenizer's text has", () => {
    const text = "Mañana 日本 [Verse]\nÉ♭\t<|audio_code_63999|></think>";
    const ids = PromptTokenizer.open(folder).ids(text);
    expect(vocabulary.decode(ids)).toBe(text);
    expect(vocabulary.bytesOf(vocabulary.codeId(63_999))).toBeUndefined();
  });

  test("an allowed token is one whose bytes the form takes, and no other, in states all along a block", () => {
    const constraint = constraints.begin(true, 300);
    const tokenizer = PromptTokenizer.open(folder);
    const text = `<think>${block({ caption: "Un son\n  ok." })}</think>`;
    let state = form.start;
    for (const id of tokenizer.ids(text)) {
      const allowed = new Set(constraint.allowed());
      expect(allowed.has(id)).toBe(true);
      const brute = [...vocabulary.textIds].filter(
        (each) => form.machine.walk(state, vocabulary.bytesOf(each) as string) !== dead,
      );
      const mark = form.machine.markAt(state);
      expect(allowed).toEqual(new Set(mark === undefined ? brute : [id]));
      constraint.advance(id);
      state = mark?.next ?? form.machine.walk(state, vocabulary.bytesOf(id) as string);
    }
    const lyrics = new Set(constraint.allowed());
    expect(lyrics.has(vocabulary.codeId(0))).toBe(false);
    expect(lyrics.has(vocabulary.ids.textEnd)).toBe(true);
    expect(lyrics.has(vocabulary.ids.thinkEnd)).toBe(false);
  });

  test("whatever is drawn, the block is whole, valid, and no longer than its free texts may be", () => {
    for (let song = 0; song < 30; song++) {
      const random = uniforms(`${song}`);
      const constraint = constraints.begin(false, 20);
      const ids: number[] = [];
      while (!constraint.isDone) {
        const allowed = constraint.allowed() as Uint32Array;
        expect(allowed.length).toBeGreaterThan(0);
        const id = allowed[Math.floor(random() * allowed.length)] as number;
        constraint.advance(id);
        ids.push(id);
      }
      const text = vocabulary.decode(ids);
      // 97 bytes of fixed words, 30 of values, two marks, twice 20 free tokens and their ends.
      expect(ids.length).toBeLessThan(180);
      expect(takes(text.slice("<think>".length, -"</think>".length))).toBe(true);
      const { metas } = parseDescription(text);
      expect(metas.bpm).toBeGreaterThanOrEqual(30);
      expect(keyScales).toContain(metas.keyscale);
      expect(languages).toContain(metas.language);
      expect(metas.caption).not.toContain("\n");
    }
  });

  test("formatted lyrics hold the user's lines in order, whatever is drawn", () => {
    const lines = ["[spoken] seven", "in a row", "日本 (oh!)", "in a row"];
    const lyrics = new FormConstraints(vocabulary, lyricsForm(vocabulary.ids, lines));
    const tags = new Set<string>();
    for (let song = 0; song < 40; song++) {
      const random = uniforms(`lyrics ${song}`);
      const constraint = lyrics.begin(false, 3);
      const ids: number[] = [];
      while (!constraint.isDone) {
        const allowed = constraint.allowed() as Uint32Array;
        const id = allowed[Math.floor(random() * allowed.length)] as number;
        constraint.advance(id);
        ids.push(id);
      }
      const written = parseDescription(vocabulary.decode(ids)).lyrics.split("\n");
      expect(written.filter((line) => line !== "" && !/^\[[A-Z][A-Za-z0-9 -]*\]$/.test(line))).toEqual(lines);
      for (const line of written) if (/^\[[A-Z]/.test(line)) tags.add(line);
    }
    expect(tags.size).toBeGreaterThan(3);
  });

  test("a tokenizer without audio codes is refused", () => {
    expect(() => new TokenVocabulary(toyTextEncoder, PromptTokenizer.open(toyTextEncoder))).toThrow(
      /no <\|audio_code_N\|> tokens; expected a 5 Hz language model/,
    );
  });
});

describe("sampling", () => {
  const logits = Float32Array.of(1, 3, 2, -1);
  const plain = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 };
  const counts = (settings: Partial<typeof plain>, seen?: Set<number>): number[] => {
    const random = uniforms("sampling");
    const found = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const id = sampleToken(logits, { ...plain, ...settings }, random, undefined, seen);
      found[id] = (found[id] as number) + 1;
    }
    return found.map((count) => count / 4000);
  };
  const softmax = (values: number[]): number[] => {
    const weights = values.map(Math.exp);
    const total = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / total);
  };
  // Four standard deviations of a share near one half over 4,000 draws.
  const close = (found: number[], expected: number[]): void => {
    for (const [i, share] of expected.entries())
      expect(Math.abs((found[i] as number) - share)).toBeLessThan(0.032);
  };

  test("draws by the softmax of logits over temperature", () => {
    close(counts({}), softmax([1, 3, 2, -1]));
    close(counts({ temperature: 2 }), softmax([0.5, 1.5, 1, -0.5]));
    expect(counts({ temperature: 0 })).toEqual([0, 1, 0, 0]);
  });

  test("top-k and top-p leave the likeliest only", () => {
    close(counts({ topK: 2 }), [0, ...softmax([3, 2]), 0]);
    close(counts({ topP: 0.7 }), [0, ...softmax([3, 2]), 0]);
    expect(counts({ topP: 0.6 })).toEqual([0, 1, 0, 0]);
  });

  test("the penalty makes what was there less likely, also below zero", () => {
    close(counts({ repetitionPenalty: 2 }, new Set([1, 3])), softmax([1, 1.5, 2, -2]));
  });

  test("the same key draws the same numbers, another key others", () => {
    const draw = (key: string): number[] => Array.from({ length: 5 }, uniforms(key));
    expect(draw("a")).toEqual(draw("a"));
    expect(draw("a")).not.toEqual(draw("b"));
  });
});
