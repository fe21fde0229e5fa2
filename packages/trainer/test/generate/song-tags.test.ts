import { expect, test } from "vitest";
import { parseAdapterUse } from "../../src/generate/adapter-use.js";
import { GenerateSettings } from "../../src/generate/settings.js";
import { describeUse, songTags } from "../../src/generate/song-tags.js";

const settings = (changes: object = {}) => GenerateSettings.parse({ caption: "slow bells", ...changes });
const sampling = { steps: 8, shift: 3, guidance: 1 };

test("a song tells what it takes to make it again", () => {
  const uses = [parseAdapterUse("runs/first:0.5,self_attn=2@0.25-1"), { path: "b", scale: 1, which: 120 }];
  const tags = songTags(settings({ seed: 7, method: "sde", lyrics: "la" }), sampling, "turbo", uses);
  expect(tags).toMatchObject({
    TITLE: "slow bells",
    COMMENT: "slow bells",
    SEED: "7",
    MODEL: "turbo",
    SAMPLING: "sde, 8 steps, shift 3, guidance 1",
    ADAPTER: "runs/first:0.5,self_attn=2@0.25-1; b:1 (step 120)",
    LYRICS: "la",
  });
  expect(tags["ENCODER"]).toMatch(/^acewright \d+\.\d+\.\d+/);
});

test("without adapters or lyrics nothing is said of them; a long caption is a title of eighty characters", () => {
  const tags = songTags(settings({ caption: "x".repeat(81), lyrics: "" }), sampling, "turbo", []);
  expect(Object.keys(tags)).not.toContain("ADAPTER");
  expect(Object.keys(tags)).not.toContain("LYRICS");
  expect(tags["TITLE"]).toBe(`${"x".repeat(79)}…`);
  expect(songTags(settings({ caption: "x".repeat(80) }), sampling, "turbo", [])["TITLE"]).toBe(
    "x".repeat(80),
  );
});

test.each(["a:1", "a:-0.5", "a:2,self_attn=0.5,layers.1-2=0", "a:1@0.25-0.75"])(
  "%s is described as it is written",
  (text) => {
    expect(describeUse(parseAdapterUse(text))).toBe(text);
  },
);
