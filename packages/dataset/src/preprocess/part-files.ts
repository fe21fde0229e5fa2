import type { HostTensor } from "@acewright/core-native";
import { AceError, fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@acewright/core-native";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Recipe } from "./recipe.js";
import { canonical } from "./recipe.js";

/** Float arrays with their shapes, and a few words about them. */
export interface Part {
  readonly tensors: Readonly<
    Record<string, { readonly values: Float32Array; readonly shape: readonly number[] }>
  >;
  readonly notes: Readonly<Record<string, string>>;
}

/**
 * What one phase leaves for the next, kept on disk so that no two networks need to be in memory together and an
 * interrupted run loses little. A part of another recipe does not exist.
 */
export class PartFiles {
  readonly #folder: string;

  constructor(outputFolder: string) {
    this.#folder = join(outputFolder, ".parts");
    mkdirSync(this.#folder, { recursive: true });
  }

  has(name: string, recipe: Partial<Recipe>): boolean {
    return this.#load(name, recipe) !== undefined;
  }

  write(name: string, recipe: Partial<Recipe>, part: Part): void {
    const tensors: Record<string, HostTensor> = {};
    for (const [key, { values, shape }] of Object.entries(part.tensors))
      tensors[key] = fromFloat32(values, shape);
    writeSafetensors(this.#path(name), tensors, { ...part.notes, recipe: canonical(recipe) });
  }

  /** @throws {AceError} ERR_FILE when the part vanished or was changed since it was written. */
  read(name: string, recipe: Partial<Recipe>): Part {
    const part = this.#load(name, recipe);
    if (part === undefined) {
      throw new AceError(
        "ERR_FILE",
        `${this.#path(name)}: vanished or was changed while preprocessing ran; run it again`,
      );
    }
    return part;
  }

  remove(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  /** Removes the folder and whatever an earlier run left in it. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #load(name: string, recipe: Partial<Recipe>): Part | undefined {
    const path = this.#path(name);
    if (!existsSync(path)) return undefined;
    let file: ReturnType<typeof readSafetensors>;
    try {
      file = readSafetensors(path);
    } catch (error) {
      // A damaged part is as good as none: it is made again.
      if (error instanceof AceError && error.code === "ERR_FILE") return undefined;
      throw error;
    }
    const { recipe: madeBy, ...notes } = file.metadata;
    if (madeBy !== canonical(recipe)) return undefined;
    const tensors = Object.entries(file.tensors).map(([key, tensor]) => {
      return [key, { values: toFloat32(tensor), shape: tensor.shape }] as const;
    });
    return { tensors: Object.fromEntries(tensors), notes };
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.safetensors`);
  }
}
