import { AceError, openCheckpoint, toFloat32, type Checkpoint } from "@acewright/core-native";
import { musicModelFolder } from "../native.js";
import { matrixOf, type Matrix } from "./matrix.js";

/** The frozen weights of a model, read one at a time. */
export interface BaseWeights {
  readonly folder: string;
  readonly checkpoint: Checkpoint;
  /** @throws {AceError} ERR_CHECKPOINT where the model has no such module. */
  read(module: string): Matrix;
}

/** @throws {AceError} ERR_FILE where there is no music model. */
export function openBaseWeights(model: string): BaseWeights {
  const folder = musicModelFolder(model);
  const checkpoint = openCheckpoint(folder);
  return {
    folder,
    checkpoint,
    read: (module) => {
      const tensor = checkpoint.read(tensorName(module));
      const [rows = 0, columns = 0] = tensor.shape;
      return matrixOf(rows, columns, toFloat32(tensor));
    },
  };
}

/** The checkpoint's name of a module's weight. */
export function tensorName(module: string): string {
  return `decoder.${module}.weight`;
}

/** The base model, where one is needed: a refusal that says what for. */
export function requireBase(base: BaseWeights | undefined, what: string): BaseWeights {
  if (base !== undefined) return base;
  throw new AceError(
    "ERR_CONFIG",
    `model: ${what} depends on the weights of the model it was trained on; name it with --model`,
  );
}
