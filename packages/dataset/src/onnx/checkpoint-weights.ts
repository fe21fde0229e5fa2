import type { Checkpoint, CheckpointEntry } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import type { GraphBuilder, Value } from "./graph-builder.js";

/**
 * Hands a checkpoint's weights to a graph, checks each against the shape the config asks for, and in the end names
 * what the network did not use.
 */
export class CheckpointWeights {
  readonly #checkpoint: Checkpoint;
  readonly #prefix: string;
  readonly #used = new Set<string>();

  /** @param prefix put before every name, e.g. `model.` for checkpoints saved with a head. */
  constructor(checkpoint: Checkpoint, prefix = "") {
    this.#checkpoint = checkpoint;
    this.#prefix = prefix;
  }

  has(name: string): boolean {
    return this.#checkpoint.tensors.has(this.#prefix + name);
  }

  /** @throws {AceError} ERR_CHECKPOINT when the weight is missing or has another shape. */
  entry(name: string, shape: readonly number[]): CheckpointEntry {
    const full = this.#prefix + name;
    const entry = this.#checkpoint.tensors.get(full);
    if (entry === undefined) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${this.#checkpoint.folder}: lacks the weight ${JSON.stringify(full)}`,
      );
    }
    if (entry.shape.length !== shape.length || entry.shape.some((length, axis) => length !== shape[axis])) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${entry.file}: weight ${JSON.stringify(full)} is [${entry.shape.join(", ")}], config.json asks for [${shape.join(", ")}]`,
      );
    }
    this.#used.add(full);
    return entry;
  }

  /** The weight as it lies in the file. */
  raw(graph: GraphBuilder, name: string, shape: readonly number[]): Value {
    return graph.externalWeight(this.#prefix + name, this.entry(name, shape));
  }

  /** The weight as float32; the runtime folds the cast when it loads. */
  float32(graph: GraphBuilder, name: string, shape: readonly number[]): Value {
    const raw = this.raw(graph, name, shape);
    const isFloat32 = this.entry(name, shape).dtype === "F32";
    return isFloat32 ? raw : graph.node("Cast", [raw], { to: { int: 1 } });
  }

  /**
   * @param elsewhere true for names that belong to another part of the same checkpoint.
   * @throws {AceError} ERR_CHECKPOINT naming a weight that nothing asked for.
   */
  refuseUnused(elsewhere: (name: string) => boolean): void {
    for (const [name, { file }] of this.#checkpoint.tensors) {
      if (this.#used.has(name) || elsewhere(name)) continue;
      throw new AceError(
        "ERR_CHECKPOINT",
        `${file}: holds ${JSON.stringify(name)}, which this network does not have; is it another model's file?`,
      );
    }
  }
}
