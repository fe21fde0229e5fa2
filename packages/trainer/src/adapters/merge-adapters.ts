import { AceError } from "@acewright/core-native";
import { openBaseWeights, requireBase } from "./base-weights.js";
import {
  approximate,
  derivedMetadata,
  eachModule,
  overallError,
  writeLora,
  type ModuleWork,
  type RankChoice,
  type RankReport,
} from "./low-rank.js";
import { added, scaled, stackedRows, transpose } from "./matrix.js";
import { asMatrix, wholeChange, type AddedChange } from "./module-change.js";
import { needsBase, openAdapter, type OpenedModule } from "./opened-adapter.js";

export interface MergeOptions extends ModuleWork {
  /** A new folder. */
  readonly output: string;
  /** Default: the sum of all ranks, which is exact; possible for LoRA only. */
  readonly choice?: RankChoice;
  /** Base model; needed where an adapter is weight-decomposed (DoRA). */
  readonly model?: string;
}

export interface ReducedAdapter {
  readonly output: string;
  readonly modules: readonly RankReport[];
  /** Over all modules: ||asked - written|| / ||asked||. */
  readonly relativeError: number;
}

/**
 * Writes one LoRA that does what several adapters do together, each with its weight.
 *
 * @throws {AceError} ERR_CONFIG where a rank or the base model is needed; ERR_CHECKPOINT where shapes differ; ERR_FILE.
 */
export async function mergeAdapters(
  adapters: readonly { readonly path: string; readonly weight: number }[],
  { output, choice, model, onModule, signal }: MergeOptions,
): Promise<ReducedAdapter> {
  const opened = adapters.map(({ path, weight }) => ({ weight, adapter: openAdapter(path) }));
  const base = model === undefined ? undefined : openBaseWeights(model);
  for (const { adapter } of opened)
    if (needsBase(adapter)) requireBase(base, `${adapter.path}: a decomposed change`);
  const byName = new Map<string, { module: OpenedModule; weight: number }[]>();
  for (const { adapter, weight } of opened) {
    for (const module of adapter.modules)
      byName.set(module.name, [...(byName.get(module.name) ?? []), { module, weight }]);
  }
  const made = await eachModule(
    [...byName],
    function* ([name, parts]) {
      yield;
      const changes = parts.map(({ module, weight }) =>
        weighted(
          wholeChange(module, () => requireBase(base, name).read(name)),
          weight,
        ),
      );
      const sum = together(name, changes);
      if (choice !== undefined) return yield* approximate(name, sum, choice);
      if (sum.form === "matrix") {
        throw new AceError(
          "ERR_CONFIG",
          `${name}: only plain LoRAs add up to a LoRA exactly; say with --rank or --energy how thin the sum shall be`,
        );
      }
      return {
        module: { name, b: sum.b, a: sum.a },
        report: { name, rank: sum.a.rows, norm: 0, relativeError: 0 },
      };
    },
    { onModule, signal },
  );
  const how = `merge ${adapters.map(({ weight }) => String(weight)).join(" + ")}`;
  await writeLora(
    output,
    made.map(({ module }) => module),
    derivedMetadata(
      opened.map(({ adapter }) => adapter.file.metadata),
      how,
    ),
  );
  const modules = made.map(({ report }) => report);
  return { output, modules, relativeError: overallError(modules) };
}

function weighted(change: AddedChange, weight: number): AddedChange {
  return change.form === "product"
    ? { ...change, b: scaled(change.b, weight) }
    : { form: "matrix", matrix: scaled(change.matrix, weight) };
}

function together(name: string, changes: readonly AddedChange[]): AddedChange {
  const shapes = new Set(
    changes.map((change) =>
      change.form === "product"
        ? `[${change.b.rows}, ${change.a.columns}]`
        : `[${change.matrix.rows}, ${change.matrix.columns}]`,
    ),
  );
  if (shapes.size > 1)
    throw new AceError(
      "ERR_CHECKPOINT",
      `${name}: the adapters are of different models: ${[...shapes].join(" and ")}`,
    );
  const products = changes.filter((change) => change.form === "product");
  if (products.length === changes.length) {
    // [B1 B2] [A1; A2] = B1 A1 + B2 A2.
    const b = transpose(stackedRows(products.map((change) => transpose(change.b))));
    return { form: "product", b, a: stackedRows(products.map((change) => change.a)) };
  }
  return { form: "matrix", matrix: changes.map(asMatrix).reduce(added) };
}
