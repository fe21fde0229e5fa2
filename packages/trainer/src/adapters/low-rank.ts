import { mkdirSync } from "node:fs";
import { AceError, fromFloat32, writePeftFolder, type HostTensor } from "@acewright/core-native";
import { refuseOccupied } from "../export/output-place.js";
import { writeFolderAtomic } from "../run/atomic-folder.js";
import { nodeFiles } from "../run/files.js";
import type { Matrix } from "./matrix.js";
import { frobenius } from "./matrix.js";
import { balancedFactors, leadingSvd, rankForEnergy, svdOfProduct, type Svd } from "./svd.js";
import type { AddedChange } from "./module-change.js";
import { inTurns, type Work } from "./turns.js";

/** How thin a change shall become: a rank, or the smallest rank that keeps a share of its energy (sum of squares). */
export type RankChoice = { readonly rank: number } | { readonly energy: number; readonly maxRank?: number };

/** One module's change b a of the whole weight; scale 1. */
export interface LowRankModule {
  readonly name: string;
  readonly b: Matrix;
  readonly a: Matrix;
  /** Of a DoRA, [out]. */
  readonly magnitudes?: Float32Array;
}

/** How well a module's change is kept. */
export interface RankReport {
  readonly name: string;
  readonly rank: number;
  /** Frobenius norm of the change that was asked for. */
  readonly norm: number;
  /** ||asked - kept|| / ||asked||; 0 for a change that is zero. */
  readonly relativeError: number;
}

/** Above this a dense change is not searched for its rank by energy: a LoRA so wide is hardly one. */
const widestRank = 256;

/**
 * The best approximation of a change at the chosen rank.
 *
 * @throws {AceError} ERR_CONFIG for a rank or share out of range.
 */
export function* approximate(
  name: string,
  change: AddedChange,
  choice: RankChoice,
): Work<{ module: LowRankModule; report: RankReport }> {
  checkChoice(choice);
  const [rows, columns] =
    change.form === "product"
      ? [change.b.rows, change.a.columns]
      : [change.matrix.rows, change.matrix.columns];
  const most = Math.min(rows, columns);
  const wanted = "rank" in choice ? choice.rank : (choice.maxRank ?? widestRank);
  const found: Svd =
    change.form === "product"
      ? yield* svdOfProduct(change.b, change.a)
      : yield* leadingSvd(change.matrix, Math.min(wanted, most));
  const held = found.s.reduce((sum, value) => sum + value * value, 0);
  const total = change.form === "product" ? held : frobenius(change.matrix) ** 2;
  const byEnergy = "rank" in choice ? wanted : Math.min(wanted, rankForEnergy(found.s, choice.energy, total));
  const rank = Math.max(1, Math.min(byEnergy, found.s.length));
  const kept = found.s.slice(0, rank).reduce((sum, value) => sum + value * value, 0);
  return {
    module: { name, ...balancedFactors(found, rank) },
    report: {
      name,
      rank,
      norm: Math.sqrt(total),
      relativeError: total === 0 ? 0 : Math.sqrt(Math.max(0, total - kept) / total),
    },
  };
}

function checkChoice(choice: RankChoice): void {
  if ("rank" in choice && !(Number.isInteger(choice.rank) && choice.rank >= 1))
    throw new AceError("ERR_CONFIG", `rank: expected a whole number from 1, got ${choice.rank}`);
  if ("energy" in choice && !(choice.energy > 0 && choice.energy <= 1))
    throw new AceError("ERR_CONFIG", `energy: expected a share above 0 and at most 1, got ${choice.energy}`);
}

/** The whole adapter's error: by all modules' norms together. */
export function overallError(reports: readonly RankReport[]): number {
  const total = reports.reduce((sum, { norm }) => sum + norm ** 2, 0);
  const lost = reports.reduce((sum, { norm, relativeError }) => sum + (norm * relativeError) ** 2, 0);
  return total === 0 ? 0 : Math.sqrt(lost / total);
}

/** How a long work on modules is watched and ended. */
export interface ModuleWork {
  readonly onModule?: ((done: number, of: number) => void) | undefined;
  /** Its reason is thrown once it is aborted; nothing is written then. */
  readonly signal?: AbortSignal | undefined;
}

/** Goes through modules one by one and lets others run all the while. */
export async function eachModule<T, R>(
  modules: readonly T[],
  work: (module: T) => Work<R>,
  { onModule, signal }: ModuleWork = {},
): Promise<R[]> {
  const results: R[] = [];
  for (const module of modules) {
    signal?.throwIfAborted();
    results.push(await inTurns(work(module), signal));
    onModule?.(results.length, modules.length);
  }
  return results;
}

/** Tensors and settings of a LoRA or DoRA, as PEFT writes them; every module at scale 1. */
export function loraOf(modules: readonly LowRankModule[]) {
  const tensors: Record<string, HostTensor> = {};
  for (const { name, b, a, magnitudes } of modules) {
    tensors[`base_model.model.${name}.lora_A.weight`] = tensorOf(a);
    tensors[`base_model.model.${name}.lora_B.weight`] = tensorOf(b);
    if (magnitudes !== undefined)
      tensors[`base_model.model.${name}.lora_magnitude_vector`] = fromFloat32(magnitudes, [
        magnitudes.length,
      ]);
  }
  const rank = Math.max(1, ...modules.map(({ a }) => a.rows));
  return {
    tensors,
    config: {
      kind: modules.some(({ magnitudes }) => magnitudes !== undefined)
        ? ("dora" as const)
        : ("lora" as const),
      rank,
      alpha: rank,
      targetModules: modules.map(({ name }) => name),
    },
    modules: modules.map(({ name, a }) => ({ name, rank: a.rows, alpha: a.rows })),
  };
}

function tensorOf(matrix: Matrix): HostTensor {
  return fromFloat32(Float32Array.from(matrix.data), [matrix.rows, matrix.columns]);
}

/**
 * Writes a new PEFT folder.
 *
 * @throws {AceError} ERR_FILE where the folder holds something already.
 */
export async function writeLora(
  output: string,
  modules: readonly LowRankModule[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  if (modules.length === 0) throw new AceError("ERR_CONFIG", `${output}: there is no change to write`);
  refuseOccupied(output);
  const lora = loraOf(modules);
  await writeFolderAtomic(nodeFiles, output, async (folder) => {
    mkdirSync(folder, { recursive: true });
    await writePeftFolder(folder, lora.config, lora.modules, lora.tensors, metadata);
  });
}

/** What an adapter made from others says of itself: what they agree on, and how it was made. */
export function derivedMetadata(
  sources: readonly Readonly<Record<string, string>>[],
  how: string,
): Record<string, string> {
  const kept = [
    "trigger",
    "base_model",
    "base_model_version",
    "base_model_fingerprint",
    "dataset_hash",
    "step",
  ];
  const [first = {}] = sources;
  const agreed = kept.filter(
    (key) => first[key] !== undefined && sources.every((one) => one[key] === first[key]),
  );
  return { ...Object.fromEntries(agreed.map((key) => [key, first[key] ?? ""])), made_by: how };
}
