import { AceError } from "@acewright/core-native";
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { ManifestHead, ManifestSample, ShardSample } from "./manifest.js";
import { writeManifest } from "./manifest.js";
import { readSongBytes, sha256Of } from "./song-bytes.js";
import type { SongIndex } from "./song-index.js";
import { indexLine, indexName, readIndex, writeIndex } from "./song-index.js";
import type { TensorContent, TensorMetadata } from "./tensor-file.js";
import { parseTensorFile, tensorChunks } from "./tensor-file.js";
import type { SongFacts, StoredSong, TensorStore } from "./tensor-store.js";
import { inOrder, songFacts } from "./tensor-store.js";

export interface ShardOptions {
  /** A shard that is this long gets no further song. */
  readonly shardBytes: number;
  /** Songs that may be lost when the machine stops; each group of them is one sync of the disk. 1 by default. */
  readonly songsPerSync?: number;
}

/**
 * Many songs a file: shards grow at their end, and a song counts once its line stands in the index, which is written
 * after its bytes are on the disk. What an interrupted run left behind the last counted song is cut off at opening.
 */
export class ShardStore implements TensorStore {
  readonly #folder: string;
  readonly #options: ShardOptions;
  readonly #stored: Map<string, ShardSample>;
  readonly #live = new Map<string, ShardSample>();
  readonly #index: number;
  /** Where the next line goes: a line that a full disk cut off is written over. */
  #indexEnd: number;
  #shard: { readonly name: string; readonly descriptor: number; end: number } | undefined;
  #shards: number;
  #waiting: ShardSample[] = [];
  #head = "";
  #isOpen = true;

  private constructor(folder: string, options: ShardOptions, { samples, wholeBytes }: SongIndex) {
    this.#folder = folder;
    this.#options = options;
    this.#stored = samples;
    const last = mendShards(folder, samples.values());
    this.#shards = last === undefined ? 0 : last.number + 1;
    this.#index = openSync(join(folder, indexName), constants.O_WRONLY | constants.O_CREAT);
    this.#indexEnd = wholeBytes;
    if (last === undefined) return;
    const { name, end } = last;
    // A shard that is shorter than its songs say is left as it is; the next one begins.
    const path = join(folder, name);
    if (statSync(path, { throwIfNoEntry: false })?.size !== end) return;
    this.#shard = { name, end: aligned(end), descriptor: openSync(path, "r+") };
  }

  /** @throws {AceError} ERR_FILE when the index is damaged or the folder cannot be written. */
  static async open(folder: string, options: ShardOptions): Promise<ShardStore> {
    const path = join(folder, indexName);
    if (!existsSync(path))
      return guarded(folder, () => new ShardStore(folder, options, { samples: new Map(), wholeBytes: 0 }));
    const index = await readIndex(folder);
    return guarded(folder, () => {
      truncateSync(path, index.wholeBytes);
      return new ShardStore(folder, options, index);
    });
  }

  listed(id: string): ManifestSample | undefined {
    return this.#stored.get(id);
  }

  async find(id: string): Promise<StoredSong | undefined> {
    const sample = this.#stored.get(id);
    if (sample === undefined) return undefined;
    const bytes = await readSongBytes(this.#folder, sample, true);
    return { ...parseTensorFile(join(this.#folder, sample.file), bytes, false), sample };
  }

  put(content: TensorContent, metadata: TensorMetadata, repeats: number): ManifestSample {
    const chunks = tensorChunks(join(this.#folder, metadata.id), content, metadata);
    return this.#append(chunks, songFacts(content, metadata, { repeats, sha256: sha256Of(chunks) }));
  }

  putBytes(bytes: Uint8Array, facts: SongFacts): ManifestSample {
    return this.#append([bytes], facts);
  }

  keep(sample: ManifestSample): void {
    if ("offset" in sample) this.#live.set(sample.id, sample);
  }

  note(head: ManifestHead): void {
    const text = JSON.stringify(head);
    if (text === this.#head) return;
    writeManifest(this.#folder, { ...head, version: 2, index: indexName });
    this.#head = text;
  }

  finish(head: ManifestHead | undefined, order: readonly string[]): void {
    this.close();
    const samples = inOrder(this.#live, order);
    if (head === undefined || samples.length === 0) {
      for (const name of ["manifest.json", indexName]) rmSync(join(this.#folder, name), { force: true });
      mendShards(this.#folder, []);
      return;
    }
    writeIndex(this.#folder, samples);
    mendShards(this.#folder, samples);
    this.note(head);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#sync();
    } finally {
      this.#closeShard();
      closeSync(this.#index);
    }
  }

  #append(chunks: readonly Uint8Array[], facts: SongFacts): ManifestSample {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return guarded(this.#folder, () => {
      const shard = this.#roomFor(bytes);
      let at = shard.end;
      for (const chunk of chunks) at = writeWhole(shard.descriptor, chunk, at);
      const sample = { ...facts, file: shard.name, offset: shard.end, bytes };
      shard.end = aligned(at);
      this.#stored.set(facts.id, sample);
      this.#live.set(facts.id, sample);
      this.#waiting.push(sample);
      if (this.#waiting.length >= (this.#options.songsPerSync ?? 1)) this.#sync();
      return sample;
    });
  }

  #roomFor(bytes: number): { readonly name: string; readonly descriptor: number; end: number } {
    const shard = this.#shard;
    if (shard !== undefined && shard.end + bytes <= this.#options.shardBytes) return shard;
    this.#sync();
    this.#closeShard();
    const name = `shard-${String(this.#shards++).padStart(5, "0")}.bin`;
    return (this.#shard = { name, end: 0, descriptor: openSync(join(this.#folder, name), "wx") });
  }

  /** Bytes first, then the lines that point to them. */
  #sync(): void {
    const shard = this.#shard;
    if (this.#waiting.length === 0 || shard === undefined) return;
    guarded(this.#folder, () => {
      fdatasyncSync(shard.descriptor);
      const lines = Buffer.from(this.#waiting.map(indexLine).join(""));
      this.#indexEnd = writeWhole(this.#index, lines, this.#indexEnd);
      fdatasyncSync(this.#index);
      this.#waiting = [];
    });
  }

  #closeShard(): void {
    if (this.#shard !== undefined) closeSync(this.#shard.descriptor);
    this.#shard = undefined;
  }
}

/**
 * Cuts off what no song of the index has, and removes shards without any.
 *
 * @returns the last shard that a song lies in, and where its songs end; undefined without songs.
 */
function mendShards(
  folder: string,
  samples: Iterable<ShardSample>,
): { readonly name: string; readonly number: number; readonly end: number } | undefined {
  const used = new Map<string, number>();
  for (const { file, offset, bytes } of samples)
    used.set(file, Math.max(used.get(file) ?? 0, offset + bytes));
  for (const name of readdirSync(folder)) {
    if (!/^shard-\d{5}\.bin$/.test(name)) continue;
    const [path, end] = [join(folder, name), used.get(name)];
    if (end === undefined) rmSync(path);
    else if (statSync(path).size > end) truncateSync(path, end);
  }
  const last = [...used].sort(([a], [b]) => (a < b ? -1 : 1)).at(-1);
  if (last === undefined) return undefined;
  const [name, end] = last;
  return { name, number: Number(/\d+/.exec(name)?.[0]), end };
}

/** Songs begin at multiples of 8, as tensors of a file of their own do. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Writes all of it, of which the system may take a part at a time. @returns where it ends */
function writeWhole(descriptor: number, bytes: Uint8Array, from: number): number {
  for (let done = 0; done < bytes.length;)
    done += writeSync(descriptor, bytes, done, bytes.length - done, from + done);
  return from + bytes.length;
}

function guarded<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof AceError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    const what = full ? "the disk is full; free some space and run it again" : (cause as Error).message;
    throw new AceError("ERR_FILE", `${folder}: cannot be written: ${what}`, { cause });
  }
}
