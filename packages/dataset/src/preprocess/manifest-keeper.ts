import type { ManifestHead } from "../tensors/manifest.js";
import type { TensorStore } from "../tensors/tensor-store.js";

/** Completes what the manifest says of all songs by what the first finished one tells, and keeps it up to date. */
export class ManifestKeeper {
  readonly #store: TensorStore;
  readonly #base: Omit<ManifestHead, "model" | "width"> & { readonly modelName: string };
  #head: ManifestHead | undefined;

  constructor(
    store: TensorStore,
    base: Omit<ManifestHead, "model" | "width"> & { readonly modelName: string },
  ) {
    this.#store = store;
    this.#base = base;
  }

  /** Takes note of a song's model and the width of its conditions. */
  take(fingerprint: string, width: number): void {
    const { modelName, ...base } = this.#base;
    this.#head = { ...base, model: { name: modelName, fingerprint }, width };
  }

  /** {@link take}, and the manifest may be written. */
  note(fingerprint: string, width: number): void {
    this.take(fingerprint, width);
    if (this.#head !== undefined) this.#store.note(this.#head);
  }

  /** Writes the manifest; without a finished song there is none. */
  finish(order: readonly string[]): void {
    this.#store.finish(this.#head, order);
  }
}
