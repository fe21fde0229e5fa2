import { AceError } from "@acewright/core-native";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ShardSample } from "../../src/tensors/manifest.js";
import { FolderStore } from "../../src/tensors/folder-store.js";
import { openStore } from "../../src/tensors/open-store.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { packTensors } from "../../src/tensors/pack-tensors.js";
import { ShardStore } from "../../src/tensors/shard-store.js";
import { measureShards } from "./many-shards.js";
import { headFor, numberedSong } from "./many-songs.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-shards-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const inFolder = (name: string): string => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
};
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `song-${i}`);

async function fill(path: string, count: number, shardBytes = 5000): Promise<void> {
  const store = await ShardStore.open(path, { shardBytes });
  const head = await headFor(path);
  for (let n = 0; n < count; n++) {
    const { content, metadata } = numberedSong(n);
    store.put(content, metadata, 1 + (n % 2));
    store.note(head);
  }
  store.finish(head, ids(count));
}

async function expectSongs(path: string, count: number): Promise<void> {
  const tensors = await openTensors(path);
  expect(tensors.samples.map(({ id }) => id)).toEqual(ids(count));
  for (const [n, sample] of tensors.samples.entries()) {
    const { content, metadata } = numberedSong(n);
    const read = await tensors.read(sample);
    expect(read.latents).toEqual(content.latents);
    expect(read.conditions).toEqual(content.conditions);
    expect(read.metadata).toEqual(metadata);
    expect(sample.repeats).toBe(1 + (n % 2));
  }
}

test("shards are as long as asked, and every song is read from its place", async () => {
  const path = inFolder("t");
  await fill(path, 23);
  const shards = readdirSync(path).filter((name) => name.startsWith("shard-"));
  expect(shards.length).toBeGreaterThan(3);
  for (const name of shards) expect(statSync(join(path, name)).size).toBeLessThanOrEqual(5000);
  await expectSongs(path, 23);
});

test("packing and unpacking gives the same bytes, and goes on where it was interrupted", async () => {
  const [files, packed, back] = [inFolder("files"), join(folder, "packed"), join(folder, "back")];
  const store = new FolderStore(files);
  for (let n = 0; n < 9; n++) store.put(numberedSong(n).content, numberedSong(n).metadata, 1 + (n % 2));
  store.finish(await headFor(files), ids(9));

  const abort = new AbortController();
  const part = packTensors({
    input: files,
    output: packed,
    shardBytes: 4000,
    signal: abort.signal,
    onProgress: (done) => {
      if (done === 4) abort.abort();
    },
  });
  await expect(part).rejects.toThrow();
  expect(await packTensors({ input: files, output: packed, shardBytes: 4000 })).toEqual({ songs: 9, written: 5 }); // prettier-ignore
  await expectSongs(packed, 9);
  await packTensors({ input: packed, output: back, shardBytes: undefined });
  const names = readdirSync(files).sort();
  expect(readdirSync(back).sort()).toEqual(names);
  for (const name of names) expect(readFileSync(join(back, name)).equals(readFileSync(join(files, name)))).toBe(true); // prettier-ignore
  await expect(packTensors({ input: back, output: back, shardBytes: 4000 })).rejects.toThrow("into itself");
});

test("what an interrupted writer left behind its last whole song is cut off", async () => {
  const path = inFolder("t");
  await fill(path, 5, 1e9);
  const [index, shard] = [join(path, "index.jsonl"), join(path, "shard-00000.bin")];
  const before = [readFileSync(index), readFileSync(shard)];
  appendFileSync(shard, Buffer.alloc(777));
  appendFileSync(index, '{"id":"song-9","sha2');
  writeFileSync(join(path, "shard-00001.bin"), "begun");
  await expectSongs(path, 5);

  const store = await ShardStore.open(path, { shardBytes: 1e9 });
  expect(readFileSync(index).equals(before[0] as Buffer)).toBe(true);
  expect(readFileSync(shard).equals(before[1] as Buffer)).toBe(true);
  expect(existsSync(join(path, "shard-00001.bin"))).toBe(false);
  for (let n = 0; n < 5; n++) store.keep(store.listed(`song-${n}`) as ShardSample);
  store.put(numberedSong(5).content, numberedSong(5).metadata, 2);
  store.close();
  await expectSongs(path, 6);
});

test("a song written again takes the place of the old one", async () => {
  const path = inFolder("t");
  await fill(path, 3);
  const store = await ShardStore.open(path, { shardBytes: 5000 });
  const { content, metadata } = numberedSong(1);
  store.put({ ...content, latents: content.latents.map(() => 7) }, metadata, 1);
  store.close();
  const tensors = await openTensors(path);
  expect(tensors.samples.map(({ id }) => id)).toEqual(ids(3));
  expect((await tensors.read("song-1")).latents[0]).toBe(7);
});

test.each([
  ["a flipped byte", "the checksum of song song-1 is not the one in the manifest"],
  ["a cut shard", "it ends at byte"],
])("%s of a shard is told when the song is read, at opening where asked for", async (what, says) => {
  const path = inFolder("t");
  await fill(path, 2, 1e9);
  const shard = join(path, "shard-00000.bin");
  const { length } = readFileSync(shard);
  if (what === "a cut shard") writeFileSync(shard, readFileSync(shard).subarray(0, length - 9));
  else {
    const file = openSync(shard, "r+");
    writeSync(file, Buffer.of(0xff), 0, 1, length - 3);
    closeSync(file);
  }
  const tensors = await openTensors(path);
  await tensors.read("song-0");
  await expect(tensors.read("song-1")).rejects.toThrow(says);
  await expect(openTensors(path, { checksums: "open" })).rejects.toThrow(says);
  const store = await ShardStore.open(path, { shardBytes: 1e9 });
  await expect(store.find("song-1")).rejects.toThrow(says);
  store.close();
});

test("without checksums a changed value is read as it stands, and a NaN is still refused", async () => {
  const path = inFolder("t");
  await fill(path, 1, 1e9);
  const file = openSync(join(path, "shard-00000.bin"), "r+");
  const { size } = statSync(join(path, "shard-00000.bin"));
  writeSync(file, Buffer.from(Float32Array.of(3).buffer), 0, 4, size - 4);
  const never = await openTensors(path, { checksums: "never" });
  expect((await never.read("song-0")).latents.at(-1)).toBe(3);
  writeSync(file, Buffer.from(Float32Array.of(NaN).buffer), 0, 4, size - 4);
  closeSync(file);
  await expect(never.read("song-0")).rejects.toThrow("holds NaN");
});

test.each([
  ["{\n", "line 1 is not JSON"],
  ['{"id":"a"}\n', "line 1 sha256"],
  [(line: string) => line.replace("shard-00000.bin", "../shard-00000.bin"), "line 1 file"],
  [(line: string) => line.replace('"offset":0', '"offset":-8'), "line 1 offset"],
] as const)("an index of %j is refused in one line", async (change, says) => {
  const path = inFolder("t");
  await fill(path, 1);
  const index = join(path, "index.jsonl");
  writeFileSync(index, typeof change === "string" ? change : change(readFileSync(index, "utf8")));
  const error: unknown = await openTensors(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AceError);
  expect((error as AceError).message).toContain(says);
  expect((error as AceError).message).not.toContain("\n");
});

test("a folder of files is not mixed with shards, and shards are gone on with unasked", async () => {
  const files = inFolder("files");
  const store = new FolderStore(files);
  store.put(numberedSong(0).content, numberedSong(0).metadata, 1);
  store.finish(await headFor(files), ids(1));
  await expect(openStore(files, 5000)).rejects.toThrow("acewright tensors pack");
  const path = inFolder("t");
  await fill(path, 1);
  const again = await openStore(path, undefined);
  expect(again).toBeInstanceOf(ShardStore);
  again.close();
  const escape = { ...numberedSong(0).metadata, id: "../x" };
  expect(() => store.put(numberedSong(0).content, escape, 1)).toThrow("cannot be the name of a file");
});

test("thousands of songs are each read from their place", async () => {
  expect(await measureShards(3000, 300)).toMatchObject({ songs: 3000, wrong: 0 });
});
