import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileSha256 } from "../fingerprint.js";
import type { Manifest, ManifestSample } from "../tensors/manifest.js";
import { writeManifest } from "../tensors/manifest.js";
import type { TensorContent, TensorMetadata } from "../tensors/tensor-file.js";
import type { SongWork } from "./song-work.js";

/** Keeps manifest.json in step with the tensor files that are finished, in the dataset's order. */
export class ManifestKeeper {
  readonly #folder: string;
  readonly #order: readonly string[];
  readonly #base: Omit<Manifest, "model" | "width" | "samples"> & { readonly modelName: string };
  readonly #samples = new Map<string, ManifestSample>();
  #model = "";
  #width = 0;

  constructor(
    folder: string,
    works: readonly SongWork[],
    base: Omit<Manifest, "model" | "width" | "samples"> & { readonly modelName: string },
  ) {
    this.#folder = folder;
    this.#order = works.map(({ id }) => id);
    this.#base = base;
  }

  /** Takes note of a finished file. */
  async add(song: SongWork, content: TensorContent, metadata: TensorMetadata): Promise<void> {
    this.#model = metadata.modelFingerprint;
    this.#width = content.width;
    this.#samples.set(song.id, {
      id: song.id,
      file: song.file,
      sha256: await fileSha256(join(this.#folder, song.file)),
      frames: content.frames,
      tokens: content.conditions.map((condition) => condition.length / content.width),
      caption: song.prompt.captions[0] ?? "",
      audioPath: song.audioFile,
      repeats: song.repeats,
    });
  }

  /** Writes the manifest; without a finished song there is none. */
  write(): void {
    if (this.#samples.size === 0) {
      rmSync(join(this.#folder, "manifest.json"), { force: true });
      return;
    }
    const { modelName, ...base } = this.#base;
    writeManifest(this.#folder, {
      ...base,
      model: { name: modelName, fingerprint: this.#model },
      width: this.#width,
      samples: this.#order.flatMap((id) => this.#samples.get(id) ?? []),
    });
  }
}
