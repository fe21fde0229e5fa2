import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AdapterConfig, AdapterScale } from "@acewright/core-native";
import type { RunAdapter } from "../export/find-adapter.js";
import { frobenius, multiply, transpose } from "./matrix.js";
import { addedChange } from "./module-change.js";
import { openAdapter, magnitudesOf, type OpenedModule } from "./opened-adapter.js";

/** One module of an adapter. */
export interface ModuleSummary {
  readonly name: string;
  readonly rank: number;
  readonly scale: number;
  /** Frobenius norm of what is added to W. */
  readonly norm: number;
}

/** What an adapter is, known from its file alone. */
export interface AdapterSummary {
  readonly file: string;
  readonly bytes: number;
  readonly kind: AdapterConfig["kind"];
  /** Rows are scaled besides (DoRA, weight_decompose). */
  readonly weightDecomposed: boolean;
  /** What the file puts before the modules' names. */
  readonly prefix: string;
  readonly scale: AdapterScale;
  readonly parameters: number;
  readonly modules: readonly ModuleSummary[];
  /** Root of the sum of squares of the norms of each layer, from layer 0. */
  readonly layerNorms: readonly number[];
  /** No module adds anything: the adapter does nothing. */
  readonly allZero: boolean;
  readonly unexpected: readonly string[];
  /** Trigger, base model, dataset, settings: the strings in its header. */
  readonly metadata: Readonly<Record<string, string>>;
  /** adapter_config.json beside it. */
  readonly hasPeftConfig: boolean;
}

/**
 * Says what an adapter is, in any layout.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT.
 */
export function inspectAdapter(path: string, which?: RunAdapter): AdapterSummary {
  const { found, file, modules } = openAdapter(path, which);
  const summaries = modules.map((module) => ({
    name: module.name,
    rank: module.rank,
    scale: module.scale,
    norm: changeNorm(module),
  }));
  const layers = summaries.map(({ name }) => Number(/^layers\.(\d+)/.exec(name)?.[1] ?? 0));
  const layerNorms = Array.from({ length: Math.max(...layers) + 1 }, (_, layer) =>
    Math.sqrt(summaries.reduce((sum, { norm }, i) => sum + (layers[i] === layer ? norm ** 2 : 0), 0)),
  );
  return {
    file: found.weights,
    bytes: statSync(found.weights).size,
    kind: file.config.kind,
    weightDecomposed: modules.some((module) => magnitudesOf(module) !== undefined),
    prefix: file.prefix,
    scale: file.scale,
    parameters: Object.values(file.tensors)
      .filter(({ shape }) => shape.length > 0)
      .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    modules: summaries,
    layerNorms,
    allZero: summaries.every(({ norm }) => norm === 0),
    unexpected: file.unexpected,
    metadata: file.metadata,
    hasPeftConfig: existsSync(join(dirname(found.weights), "adapter_config.json")),
  };
}

/** ||b a||^2 = sum of (b^T b) o (a a^T): the product itself is not formed. */
export function changeNorm(module: OpenedModule): number {
  const change = addedChange(module);
  if (change.form === "matrix") return frobenius(change.matrix);
  const left = multiply(transpose(change.b), change.b);
  const right = multiply(change.a, transpose(change.a));
  const square = left.data.reduce((sum, value, i) => sum + value * (right.data[i] as number), 0);
  return Math.sqrt(Math.max(0, square));
}
