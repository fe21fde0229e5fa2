import { openBaseWeights, requireBase, type BaseWeights } from "./base-weights.js";
import {
  approximate,
  derivedMetadata,
  eachModule,
  overallError,
  writeLora,
  type LowRankModule,
  type ModuleWork,
  type RankChoice,
  type RankReport,
} from "./low-rank.js";
import type { ReducedAdapter } from "./merge-adapters.js";
import { addedChange, wholeChange } from "./module-change.js";
import { magnitudesOf, openAdapter, type OpenedAdapter } from "./opened-adapter.js";

export interface ResizeOptions extends ModuleWork {
  /** A new folder. */
  readonly output: string;
  readonly choice: RankChoice;
  /** Base model; needed for a LoKr or LoHa that is weight-decomposed. */
  readonly model?: string;
}

/**
 * Writes the best approximation of an adapter at another rank. A LoRA stays one, a DoRA keeps its magnitudes, LoKr and LoHa
 * become LoRAs.
 *
 * @throws {AceError} ERR_CONFIG, ERR_CHECKPOINT, ERR_FILE.
 */
export async function resizeAdapter(
  path: string,
  { output, choice, model, onModule, signal }: ResizeOptions,
): Promise<ReducedAdapter> {
  const adapter = openAdapter(path);
  const base = model === undefined ? undefined : openBaseWeights(model);
  const { modules, reports } = await asLowRank(adapter, choice, base, {
    keepMagnitudes: adapter.file.config.kind === "dora",
    onModule,
    signal,
  });
  const how = "rank" in choice ? `resize to rank ${choice.rank}` : `resize to ${choice.energy} of the energy`;
  await writeLora(output, modules, derivedMetadata([adapter.file.metadata], how));
  return { output, modules: reports, relativeError: overallError(reports) };
}

/** An adapter of any kind as thin products. `keepMagnitudes`: a DoRA stays one, else its rows' scaling goes into the product. */
export async function asLowRank(
  adapter: OpenedAdapter,
  choice: RankChoice,
  base: BaseWeights | undefined,
  options: ModuleWork & { readonly keepMagnitudes: boolean },
): Promise<{ modules: LowRankModule[]; reports: RankReport[] }> {
  const made = await eachModule(
    adapter.modules,
    function* (module) {
      yield;
      if (!options.keepMagnitudes) {
        const weight = () => requireBase(base, `${adapter.path}: a decomposed change`).read(module.name);
        return yield* approximate(module.name, wholeChange(module, weight), choice);
      }
      const { module: thin, report } = yield* approximate(module.name, addedChange(module), choice);
      const magnitudes = magnitudesOf(module);
      return { module: { ...thin, ...(magnitudes && { magnitudes }) }, report };
    },
    options,
  );
  return { modules: made.map(({ module }) => module), reports: made.map(({ report }) => report) };
}
