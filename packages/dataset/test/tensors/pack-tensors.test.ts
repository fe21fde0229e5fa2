import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FolderStore } from "../../src/tensors/folder-store.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { packTensors } from "../../src/tensors/pack-tensors.js";
import type { TensorMetadata } from "../../src/tensors/tensor-file.js";
import { headFor, numberedSong } from "./many-songs.js";

let folder: string;
let input: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-pack-"));
  [input, output] = [join(folder, "input"), join(folder, "output")];
  mkdirSync(input);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A song that has everything a manifest can say: a wording, and a piece of another song. */
const told: Partial<TensorMetadata> = {
  wordings: [{ caption: 0, lyrics: true }],
  song: "whole",
  piece: {
    chunk: { startS: 1, endS: 2 },
    variant: { name: "pitch2", semitones: 2, tempo: 1, gainDb: 0 },
  },
};

async function fill(values: readonly number[], repeats = 1): Promise<void> {
  const store = new FolderStore(input);
  for (const [n, value] of values.entries()) {
    const { content, metadata } = numberedSong(n);
    store.put({ ...content, latents: content.latents.map(() => value) }, { ...metadata, ...told }, repeats);
  }
  store.finish(await headFor(input), values.map((_, n) => `song-${n}`)); // prettier-ignore
}

/** What a manifest says of its songs, wherever they lie. */
async function facts(path: string): Promise<object[]> {
  const { samples } = await openTensors(path, { checksums: "open" });
  return samples.map((sample) => ({ ...sample, file: undefined, offset: undefined, bytes: undefined }));
}

test.each([
  ["shards", 1e9],
  ["a file a song", undefined],
])(
  "packing again into %s writes what changed alone, and tells all of every song",
  async (_kind, shardBytes) => {
    const pack = (): Promise<{ written: number }> => packTensors({ input, output, shardBytes });
    await fill([1, 2, 3]);
    expect((await pack()).written).toBe(3);
    expect((await pack()).written).toBe(0);
    await fill([1, 2, 3], 4);
    expect((await pack()).written).toBe(0);
    await fill([1, 9, 3], 4);
    expect((await pack()).written).toBe(1);
    expect(await facts(output)).toEqual(await facts(input));
    expect((await facts(output))[1]).toMatchObject({
      repeats: 4,
      song: "whole",
      variant: "pitch2",
      chunk: { endS: 2 },
    });
    const tensors = await openTensors(output);
    for (const [n, value] of [1, 9, 3].entries())
      expect((await tensors.read(`song-${n}`)).latents[0]).toBe(value);
  },
);

test("a file of the output that is gone is written again", async () => {
  await fill([1, 2]);
  await packTensors({ input, output, shardBytes: undefined });
  rmSync(join(output, "song-1.safetensors"));
  expect((await packTensors({ input, output, shardBytes: undefined })).written).toBe(1);
  expect(await facts(output)).toEqual(await facts(input));
});

test("a damaged song is not packed", async () => {
  await fill([1, 2]);
  const path = join(input, "song-1.safetensors");
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(path, bytes);
  await expect(packTensors({ input, output, shardBytes: 1e9 })).rejects.toThrow(
    "its checksum is not the one",
  );
});

test("a folder that ends without a song has no manifest, and no song may be called like a hidden file", async () => {
  await fill([1]);
  const store = new FolderStore(input);
  store.finish(await headFor(input), []);
  await expect(openTensors(input)).rejects.toThrow("holds no manifest.json");
  const { content, metadata } = numberedSong(0);
  expect(() => store.put(content, { ...metadata, id: ".parts" }, 1)).toThrow("cannot be the name of a file");
});
