import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ShardSample } from "../../src/tensors/manifest.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { ShardStore } from "../../src/tensors/shard-store.js";
import { headFor, numberedSong } from "./many-songs.js";

// The writes are real; what passes is watched, cut short or refused, as a disk would.

const disk = vi.hoisted(() => ({
  /** Paths of the descriptors. */
  paths: new Map<number, string>(),
  /** What would be left of each file after a power cut. */
  durable: new Map<string, Buffer>(),
  /** Bytes that one write takes at most. */
  mostBytes: Infinity,
  /** Bytes the index may still grow by. */
  indexRoom: Infinity,
}));
vi.mock(import("node:fs"), async (original) => {
  const real = await original();
  const fault = {
    openSync: (path: string, flags: string | number) => {
      const descriptor = real.openSync(path, flags);
      disk.paths.set(descriptor, path);
      return descriptor;
    },
    fdatasyncSync: (descriptor: number) => {
      real.fdatasyncSync(descriptor);
      const path = disk.paths.get(descriptor) as string;
      disk.durable.set(basename(path), real.readFileSync(path));
    },
    writeSync: (descriptor: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      let taken = Math.min(length, disk.mostBytes);
      if (disk.paths.get(descriptor)?.endsWith("index.jsonl") === true) {
        taken = Math.min(taken, disk.indexRoom);
        disk.indexRoom -= taken;
        if (taken === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        checkPointed(Buffer.from(bytes).toString("utf8"));
      }
      return real.writeSync(descriptor, bytes, offset, taken, at);
    },
  };
  return { ...real, ...(fault as unknown as Partial<typeof real>) };
});

/** A line of the index may be on its way only when what it points to is durable. */
function checkPointed(lines: string): void {
  for (const line of lines.trim().split("\n")) {
    const { file, offset, bytes, sha256 } = JSON.parse(line) as ShardSample;
    const there = disk.durable.get(file)?.subarray(offset, offset + bytes) ?? Buffer.alloc(0);
    expect(createHash("sha256").update(there).digest("hex")).toBe(sha256);
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-shard-writes-"));
  disk.durable.clear();
  [disk.mostBytes, disk.indexRoom] = [Infinity, Infinity];
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(store: ShardStore, n: number): ShardSample {
  const { content, metadata } = numberedSong(n);
  return store.put(content, metadata, 1) as ShardSample;
}
const shards = (): string[] => readdirSync(folder).filter((name) => name.startsWith("shard-"));
const durableSongs = (): string[] =>
  (disk.durable.get("index.jsonl")?.toString("utf8") ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as ShardSample).id);
const songs = (...numbers: number[]): string[] => numbers.map((n) => `song-${n}`);

async function expectSongs(...numbers: number[]): Promise<void> {
  const tensors = await openTensors(folder, { checksums: "open" });
  expect(tensors.samples.map(({ id }) => id)).toEqual(songs(...numbers));
  for (const n of numbers)
    expect((await tensors.read(`song-${n}`)).latents).toEqual(numberedSong(n).content.latents);
}

test("each song is durable when it was put, its bytes before its line", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 5000 });
  for (let n = 0; n < 8; n++) {
    put(store, n);
    expect(durableSongs()).toEqual(songs(...Array.from({ length: n + 1 }, (_, i) => i)));
  }
  store.close();
  expect(shards().length).toBeGreaterThan(1);
});

test("of songs synced in groups none is forgotten where a shard ends between, or at the end", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 5000, songsPerSync: 100 });
  for (let n = 0; n < 8; n++) put(store, n);
  expect(shards().length).toBeGreaterThan(1);
  store.close();
  store.close();
  expect(durableSongs()).toEqual(songs(0, 1, 2, 3, 4, 5, 6, 7));
});

test("a song is found as soon as it was put, in place of the one before", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 5000, songsPerSync: 100 });
  put(store, 0);
  expect((await store.find("song-0"))?.content.latents).toEqual(numberedSong(0).content.latents);
  const { content, metadata } = numberedSong(0);
  store.put({ ...content, latents: content.latents.map(() => 7) }, metadata, 1);
  expect((await store.find("song-0"))?.content.latents[0]).toBe(7);
  store.close();
});

test("a disk that takes a part of each write loses nothing", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 5000 });
  // The index takes nothing until writes come whole again: pieces of its lines cannot be checked.
  const { content, metadata } = numberedSong(0);
  disk.mostBytes = 100;
  disk.indexRoom = 0;
  expect(() => store.put(content, metadata, 1)).toThrow();
  [disk.mostBytes, disk.indexRoom] = [Infinity, Infinity];
  store.close();
  const head = await headFor(folder);
  const again = await ShardStore.open(folder, { shardBytes: 5000 });
  again.keep(again.listed("song-0") as ShardSample);
  again.finish(head, songs(0));
  await expectSongs(0);
});

test("a line that a full disk cut off is written over, not gone on with", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 1e9 });
  put(store, 0);
  disk.indexRoom = 50;
  expect(() => put(store, 1)).toThrow(/cannot be written: the disk is full; free some space/);
  expect(readFileSync(join(folder, "index.jsonl"), "utf8")).not.toMatch(/\n$/);
  disk.indexRoom = Infinity;
  put(store, 2);
  store.note(await headFor(folder));
  store.close();
  await expectSongs(0, 1, 2);
});

test("at the end songs stand in the order asked for, and those not asked for are gone from index and shards", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 1e9 });
  const placed = [0, 1, 2, 3].map((n) => put(store, n));
  store.finish(await headFor(folder), songs(2, 0));
  await expectSongs(2, 0);
  const { offset, bytes } = placed[2] as ShardSample;
  expect(statSync(join(folder, "shard-00000.bin")).size).toBe(offset + bytes);
});

test("shards listed in another order than theirs are gone on with at the end of the last", async () => {
  const head = await headFor(folder);
  const store = await ShardStore.open(folder, { shardBytes: 5000 });
  for (let n = 0; n < 7; n++) put(store, n);
  store.finish(head, songs(6, 5, 4, 3, 2, 1, 0));
  const again = await ShardStore.open(folder, { shardBytes: 5000 });
  for (let n = 0; n < 7; n++) again.keep(again.listed(`song-${n}`) as ShardSample);
  const before = shards();
  const { file, offset } = put(again, 7);
  expect(before.slice(0, -1)).not.toContain(file);
  expect(offset % 8).toBe(0);
  again.finish(head, songs(0, 1, 2, 3, 4, 5, 6, 7));
  await expectSongs(0, 1, 2, 3, 4, 5, 6, 7);
});

test("without a song at the end nothing is left of what was put", async () => {
  const head = await headFor(folder);
  const store = await ShardStore.open(folder, { shardBytes: 1e9 });
  put(store, 0);
  store.note(head);
  store.finish(head, []);
  expect(readdirSync(folder)).toEqual([head.silence.file]);
});

test("songs begin at multiples of 8, behind one that does not end at one, and when a shard is gone on with", async () => {
  const odd = (store: ShardStore, n: number): ShardSample => {
    const { content, metadata } = numberedSong(n);
    return store.put({ ...content, dtype: "BF16" }, metadata, 1) as ShardSample;
  };
  const store = await ShardStore.open(folder, { shardBytes: 1e9 });
  const first = odd(store, 0);
  expect(first.bytes % 8).toBe(4);
  expect(odd(store, 6).offset).toBe(first.bytes + 4);
  store.close();
  const again = await ShardStore.open(folder, { shardBytes: 1e9 });
  expect(odd(again, 12).offset % 8).toBe(0);
  again.note(await headFor(folder));
  again.close();
  await expectSongs(0, 6, 12);
});

test("a shard may be filled to its last byte", async () => {
  const sizing = await ShardStore.open(folder, { shardBytes: 1e9 });
  const [, second] = [put(sizing, 0), put(sizing, 3)];
  sizing.finish(undefined, []);
  const store = await ShardStore.open(folder, { shardBytes: second.offset + second.bytes });
  for (const n of [0, 3]) expect(put(store, n).file).toBe("shard-00000.bin");
  expect(put(store, 6).file).toBe("shard-00001.bin");
  store.close();
});

test("a shard shorter than its songs say is left alone: the next one begins", async () => {
  const store = await ShardStore.open(folder, { shardBytes: 1e9 });
  const { bytes } = put(store, 0);
  store.close();
  truncateSync(join(folder, "shard-00000.bin"), bytes - 3);
  const again = await ShardStore.open(folder, { shardBytes: 1e9 });
  expect(put(again, 1)).toMatchObject({ file: "shard-00001.bin", offset: 0 });
  again.close();
  expect(statSync(join(folder, "shard-00000.bin")).size).toBe(bytes - 3);
});

test("a manifest that says the same is not written again after every song", async () => {
  const head = await headFor(folder);
  const store = await ShardStore.open(folder, { shardBytes: 1e9 });
  const file = (): number => statSync(join(folder, "manifest.json")).ino;
  put(store, 0);
  store.note(head);
  const first = file();
  put(store, 1);
  store.note({ ...head });
  expect(file()).toBe(first);
  store.note({ ...head, dataset: { name: "other" } });
  expect(readFileSync(join(folder, "manifest.json"), "utf8")).toContain("other");
  store.close();
});
