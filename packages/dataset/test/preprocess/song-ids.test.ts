import { expect, test } from "vitest";
import { tensorIds } from "../../src/preprocess/song-ids.js";

const ids = (...pairs: [id: string, audioFile: string][]): string[] =>
  tensorIds(pairs.map(([id, audioFile]) => ({ id, audioFile })));

test("plain ids are kept", () => {
  expect(ids(["a1b2c3d4", "/x.wav"], ["Song_2-b", "/y.wav"])).toEqual(["a1b2c3d4", "Song_2-b"]);
});

test.each([
  "",
  "..",
  "../up",
  "a/b",
  "a\\b",
  "C:a",
  "nul",
  "con",
  "silence_latent",
  ".hidden",
  "ü",
  "x".repeat(65),
  "a\0",
])("the id %j, which is no safe file name, gives way to the path's checksum", (id) => {
  expect(ids([id, "/songs/x.wav"])[0]).toMatch(/^[0-9a-f]{8}$/);
});

test("equal ids, also in other letter case, get different names that do not depend on the run", () => {
  const names = ids(["song", "/a/x.wav"], ["Song", "/b/x.wav"], ["song", "/a/x.wav"]);
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(3);
  expect(names[0]).toBe("song");
  expect(names[1]).toMatch(/^Song-[0-9a-f]{8}$/);
  expect(ids(["song", "/a/x.wav"], ["Song", "/b/x.wav"])[1]).toBe(names[1]);
});
