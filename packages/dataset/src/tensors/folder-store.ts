import { AceError, writeChunksAtomic } from "@acewright/core-native";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ManifestHead, ManifestSample } from "./manifest.js";
import { readManifest, writeManifest } from "./manifest.js";
import { sha256Of } from "./song-bytes.js";
import type { TensorContent, TensorMetadata } from "./tensor-file.js";
import { parseTensorFile, tensorChunks } from "./tensor-file.js";
import type { SongFacts, StoredSong, TensorStore } from "./tensor-store.js";
import { inOrder, songFacts } from "./tensor-store.js";

/** Writing the manifest may take this share of the time, so that it does not outgrow the work on large sets. */
const mostShare = 0.05;

type FileSample = Exclude<ManifestSample, { offset: number }>;

/** A file a song: `<id>.safetensors`, and a manifest that lists them. */
export class FolderStore implements TensorStore {
  readonly #folder: string;
  readonly #samples = new Map<string, FileSample>();
  readonly #listed: ReadonlyMap<string, FileSample>;
  #nextNoteMs = 0;

  constructor(folder: string) {
    this.#folder = folder;
    const manifest = readManifest(folder);
    const samples = manifest?.version === 1 ? manifest.samples : [];
    this.#listed = new Map(samples.map((sample) => [sample.id, sample]));
  }

  listed(id: string): ManifestSample | undefined {
    return existsSync(this.#path(id)) ? this.#listed.get(id) : undefined;
  }

  find(id: string): Promise<StoredSong | undefined> {
    const path = this.#path(id);
    if (!existsSync(path)) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const bytes = readFileSync(path);
      const file = parseTensorFile(path, bytes, true);
      const facts = songFacts(file.content, file.metadata, { repeats: 1, sha256: sha256Of([bytes]) });
      resolve({ ...file, sample: { ...facts, id, file: fileName(id) } });
    });
  }

  put(content: TensorContent, metadata: TensorMetadata, repeats: number): ManifestSample {
    const chunks = tensorChunks(this.#path(metadata.id), content, metadata);
    const facts = songFacts(content, metadata, { repeats, sha256: sha256Of(chunks) });
    return this.#write(chunks, facts);
  }

  putBytes(bytes: Uint8Array, facts: SongFacts): ManifestSample {
    return this.#write([bytes], facts);
  }

  keep(sample: ManifestSample): void {
    if (!("offset" in sample)) this.#samples.set(sample.id, sample);
  }

  note(head: ManifestHead): void {
    const startMs = performance.now();
    if (startMs < this.#nextNoteMs) return;
    this.#save(head, [...this.#samples.values()]);
    const endMs = performance.now();
    this.#nextNoteMs = endMs + (endMs - startMs) / mostShare;
  }

  finish(head: ManifestHead | undefined, order: readonly string[]): void {
    const samples = inOrder(this.#samples, order);
    if (head === undefined || samples.length === 0)
      rmSync(join(this.#folder, "manifest.json"), { force: true });
    else this.#save(head, samples);
  }

  close(): void {
    // Every file was closed when it was written.
  }

  #save(head: ManifestHead, samples: FileSample[]): void {
    writeManifest(this.#folder, { ...head, version: 1, samples });
  }

  #write(chunks: readonly Uint8Array[], facts: SongFacts): ManifestSample {
    writeChunksAtomic(this.#path(facts.id), chunks);
    const sample = { ...facts, file: fileName(facts.id) };
    this.#samples.set(facts.id, sample);
    return sample;
  }

  #path(id: string): string {
    // Of a folder that another program wrote, an id could lead anywhere.
    if (!/^\w[\w.-]*$/.test(id))
      throw new AceError("ERR_FILE", `${this.#folder}: ${JSON.stringify(id)} cannot be the name of a file`);
    return join(this.#folder, fileName(id));
  }
}

function fileName(id: string): string {
  return `${id}.safetensors`;
}
