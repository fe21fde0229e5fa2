import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ShardSample } from "../../src/tensors/manifest.js";
import { readSongBytes } from "../../src/tensors/song-bytes.js";
import { indexLine, indexName, readIndex, writeIndex } from "../../src/tensors/song-index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-index-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const sample = (n: number): ShardSample => ({
  id: `song-${n}`,
  file: "shard-00000.bin",
  offset: 0,
  bytes: 8,
  sha256: "0".repeat(64),
  frames: 1,
  tokens: [1],
  caption: "ü".repeat(n % 50),
  audioPath: "",
  repeats: 1,
});

test("of an index of several pieces every line counts, and no byte more", async () => {
  const samples = Array.from({ length: 3000 }, (_, n) => sample(n));
  writeIndex(folder, samples);
  const path = join(folder, indexName);
  const { size } = statSync(path);
  expect(size).toBeGreaterThan(2 ** 19);
  const whole = await readIndex(folder);
  expect([...whole.samples.values()]).toEqual(samples);
  expect(whole.wholeBytes).toBe(size);
  truncateSync(path, size - 3);
  const cut = await readIndex(folder);
  expect(cut.samples.size).toBe(2999);
  expect(cut.wholeBytes).toBe(size - Buffer.byteLength(indexLine(sample(2999))));
});

test("a line without an end is refused before it fills the memory", async () => {
  writeFileSync(join(folder, indexName), indexLine(sample(0)) + "x".repeat(2_000_000));
  await expect(readIndex(folder)).rejects.toThrow("line 2 is longer than 1000000 bytes");
});

test("a place larger than any song is refused before it is made room for", async () => {
  const path = join(folder, "shard-00000.bin");
  writeFileSync(path, "");
  truncateSync(path, 3e9);
  await expect(readSongBytes(folder, { ...sample(0), bytes: 3e9 }, true)).rejects.toThrow(
    "3000000000 bytes are more than a song takes",
  );
});
