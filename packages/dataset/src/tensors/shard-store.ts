import { AceError } from "@acewright/core-native";
import {
  closeSync,
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
  #shard: { readonly name: string; readonly descriptor: number; end: number } | undefined;
  #shards: number;
  #waiting: ShardSample[] = [];
  #head = "";
  #isOpen = true;

  private constructor(folder: string, options: ShardOptions, stored: Map<string, ShardSample>) {
    this.#folder = folder;
    this.#options = options;
    this.#stored = stored;
    const ends = mendShards(folder, stored.values());
    this.#shards = ends.size;
    this.#index = openSync(join(folder, indexName), "a");
    const last = [...ends].at(-1);
    if (last === undefined) return;
    const [name, end] = last;
    // A shard that is shorter than its songs say is left as it is; the next one begins.
    const path = join(folder, name);
    if (statSync(path, { throwIfNoEntry: false })?.size !== end || end >= options.shardBytes) return;
    this.#shard = { name, end, descriptor: openSync(path, "r+") };
  }

  /** @throws {AceError} ERR_FILE when the index is damaged or the folder cannot be written. */
  static async open(folder: string, options: ShardOptions): Promise<ShardStore> {
    const path = join(folder, indexName);
    if (!existsSync(path)) return guarded(folder, () => new ShardStore(folder, options, new Map()));
    const { samples, wholeBytes } = await readIndex(folder);
    return guarded(folder, () => {
      truncateSync(path, wholeBytes);
      return new ShardStore(folder, options, samples);
    });
  }

  listed(id: string): ManifestSample | undefined {
    return this.#stored.get(id);
  }

  async find(id: string): Promise<StoredSong | undefined> {
    const sample = this.#stored.get(id);
    if (sample === undefined) return undefined;
    this.#sync();
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
      return;
    }
    writeIndex(this.#folder, samples);
    mendShards(this.#folder, samples);
    this.note(head);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#sync();
    this.#isOpen = false;
    this.#closeShard();
    closeSync(this.#index);
  }

  #append(chunks: readonly Uint8Array[], facts: SongFacts): ManifestSample {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return guarded(this.#folder, () => {
      const shard = this.#roomFor(bytes);
      let at = shard.end;
      for (const chunk of chunks) {
        for (let done = 0; done < chunk.length;) {
          const wrote = writeSync(shard.descriptor, chunk, done, chunk.length - done, at);
          [done, at] = [done + wrote, at + wrote];
        }
      }
      const sample = { ...facts, file: shard.name, offset: shard.end, bytes };
      // Songs begin at multiples of 8, as tensors of a file of their own do.
      shard.end = Math.ceil(at / 8) * 8;
      this.#stored.set(facts.id, sample);
      this.#live.set(facts.id, sample);
      this.#waiting.push(sample);
      if (this.#waiting.length >= (this.#options.songsPerSync ?? 1)) this.#sync();
      return sample;
    });
  }

  #roomFor(bytes: number): { readonly name: string; readonly descriptor: number; end: number } {
    const shard = this.#shard;
    if (shard !== undefined && (shard.end === 0 || shard.end + bytes <= this.#options.shardBytes))
      return shard;
    this.#sync();
    this.#closeShard();
    const name = `shard-${String(this.#shards++).padStart(5, "0")}.bin`;
    return (this.#shard = { name, end: 0, descriptor: openSync(join(this.#folder, name), "wx") });
  }

  /** Bytes first, then the lines that point to them. */
  #sync(): void {
    if (this.#waiting.length === 0 || this.#shard === undefined) return;
    fdatasyncSync(this.#shard.descriptor);
    writeSync(this.#index, this.#waiting.map(indexLine).join(""));
    fdatasyncSync(this.#index);
    this.#waiting = [];
  }

  #closeShard(): void {
    if (this.#shard !== undefined) closeSync(this.#shard.descriptor);
    this.#shard = undefined;
  }
}

/**
 * Cuts off what no song of the index has, and removes shards without any.
 *
 * @returns the end of each shard that stays, in the order of their numbers up to the last.
 */
function mendShards(folder: string, samples: Iterable<ShardSample>): Map<string, number> {
  const used = new Map<string, number>();
  for (const { file, offset, bytes } of samples)
    used.set(file, Math.max(used.get(file) ?? 0, offset + bytes));
  for (const name of readdirSync(folder)) {
    if (!/^shard-\d{5}\.bin$/.test(name)) continue;
    const [path, end] = [join(folder, name), used.get(name)];
    if (end === undefined) rmSync(path);
    else if (statSync(path).size > end) truncateSync(path, end);
  }
  const last = [...used.keys()].sort().at(-1);
  const count = last === undefined ? 0 : Number(/\d+/.exec(last)?.[0]) + 1;
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const name = `shard-${String(i).padStart(5, "0")}.bin`;
      return [name, used.get(name) ?? Infinity] as const;
    }),
  );
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
