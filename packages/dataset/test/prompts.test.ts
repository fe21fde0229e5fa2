import { expect, test } from "vitest";
import { lyricsPrompt, textPrompt } from "../src/prompts.js";

const song = { caption: "tag, warm piano", lyrics: "[Verse]\nhello", durationS: 183.9, language: "de" };

test("the text prompt is the published template to the letter", () => {
  expect(textPrompt({ ...song, bpm: 92, timesignature: "4", keyscale: "C major" })).toBe(
    "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n# Caption\ntag, warm piano\n\n" +
      "# Metas\n- bpm: 92\n- timesignature: 4\n- keyscale: C major\n- duration: 183 seconds\n<|endoftext|>\n",
  );
});

test("values that are missing, empty or zero read N/A", () => {
  const metas = "- bpm: N/A\n- timesignature: N/A\n- keyscale: N/A\n- duration: 183 seconds\n";
  expect(textPrompt(song)).toContain(metas);
  expect(textPrompt({ ...song, bpm: null, timesignature: "", keyscale: "" })).toContain(metas);
  expect(textPrompt({ ...song, bpm: 0 })).toContain(metas);
});

test("lyrics carry the language for inference and stand bare for official parity", () => {
  expect(lyricsPrompt(song, "inference")).toBe("# Languages\nde\n\n# Lyric\n[Verse]\nhello<|endoftext|>");
  expect(lyricsPrompt(song, "official")).toBe("[Verse]\nhello");
});

test("an instrumental and a song without a known language say unknown", () => {
  const header = "# Languages\nunknown\n\n# Lyric\n";
  expect(lyricsPrompt({ ...song, lyrics: "[Instrumental]" }, "inference")).toBe(
    `${header}[Instrumental]<|endoftext|>`,
  );
  expect(lyricsPrompt({ ...song, language: "" }, "inference")).toContain(header);
  expect(lyricsPrompt({ caption: "", lyrics: "x", durationS: 1 }, "inference")).toContain(header);
});
