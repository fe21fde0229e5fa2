import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { planSongs, slug } from "../../src/generate/generate.js";
import { readPrompts } from "../../src/generate/prompts-file.js";
import { scratch } from "../trained.js";

function file(content: string | Uint8Array): string {
  const path = join(scratch(), "prompts.txt");
  writeFileSync(path, content);
  return path;
}

test("a line is a caption or a JSON object; comments and empty lines are passed over", () => {
  const path = file(
    '# mine\r\nslow bells, 鐘\n\n  {"caption": "drums", "lyrics": "[Verse]\\nboom", "seed": 7}\n',
  );
  expect(readPrompts(path)).toEqual([
    { caption: "slow bells, 鐘" },
    { caption: "drums", lyrics: "[Verse]\nboom", seed: 7 },
  ]);
});

test.each([
  ["a\n{broken", /prompts.txt, line 2: is no JSON object/],
  ['{"caption": "a", "sede": 3}', /line 1: unknown key sede, did you mean seed\?/],
  ['\n{"lyrics": "la"}', /line 2: caption is missing/],
  ['{"caption": "a", "steps": 0}', /line 1: steps: expected/],
  ['{"caption": "a", "device": "cpu"}', /line 1: unknown key device/],
  ["# nothing\n\n", /holds no song/],
  [Uint8Array.of(0xff, 0xfe, 0x41), /is not UTF-8 text/],
])("%j is refused by line and field", (content, message) => {
  expect(() => readPrompts(file(content))).toThrow(message);
});

test("a file that is not there is said so, without the system's words", () => {
  expect(() => readPrompts("nowhere.txt")).toThrow(
    /^nowhere\.txt: does not exist; name a file of prompts, one a line$/,
  );
});

test("a row wins over the settings of all, and seeds over both", () => {
  const rows = [
    { caption: "a", seed: 7 },
    { caption: "b", durationS: 5 },
  ];
  const songs = planSongs(rows, { durationS: 30, seed: 3, device: "cpu" });
  expect(songs.map(({ caption, seed, durationS }) => [caption, seed, durationS])).toEqual([
    ["a", 7, 30],
    ["b", 3, 5],
  ]);
  expect(planSongs(rows, {}, [1, 2]).map(({ caption, seed }) => `${caption}${seed}`)).toEqual([
    "a1",
    "a2",
    "b1",
    "b2",
  ]);
});

test("file names keep to letters that every file system takes", () => {
  expect(slug("Zoë's  Slow/Bells: in A minor, long")).toBe("zoe-s-slow-bells-in");
  expect(slug("鐘")).toBe("song");
});
