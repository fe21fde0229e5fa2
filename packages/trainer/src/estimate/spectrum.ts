import { AceError, toFloat32, type Checkpoint, type ModelConfig } from "@acewright/core-native";
import { effectiveRank } from "./effective-rank.js";
import { readFisherMap } from "./fisher-map.js";
import type { EstimateOptions } from "./measure.js";
import type { ModuleScore } from "./ranks.js";
import type { EstimateSettings } from "./settings.js";

function weightName(module: string): string {
  return `decoder.${module}.weight`;
}

export function shapeOf(checkpoint: Checkpoint, module: string): { out: number; in: number } {
  const [out = 0, input = 0] = checkpoint.tensors.get(weightName(module))?.shape ?? [];
  return { out, in: input };
}

/** What an earlier map says of the same checkpoint's spectrum, which does not change. */
export function knownRanks({ tensors }: EstimateSettings, model: ModelConfig): ReadonlyMap<string, number> {
  let map: ReturnType<typeof readFisherMap>;
  try {
    map = readFisherMap(tensors);
  } catch (error) {
    // A damaged map is about to be replaced by this estimation's.
    if (error instanceof AceError && error.code === "ERR_FILE") return new Map();
    throw error;
  }
  if (map?.acewright?.model !== model.fingerprint) return new Map();
  return new Map(
    (map.modules ?? []).flatMap(({ name, effective_rank }) =>
      effective_rank === undefined ? [] : [[name, effective_rank]],
    ),
  );
}

/** The modules with the effective rank of their weights; without, where it was stopped on the way. */
export async function withSpectrum(
  modules: readonly ModuleScore[],
  { checkpoint, known }: { readonly checkpoint: Checkpoint; readonly known: ReadonlyMap<string, number> },
  { signal, onProgress }: EstimateOptions,
): Promise<readonly ModuleScore[]> {
  const out: ModuleScore[] = [];
  for (const [done, module] of modules.entries()) {
    if (signal?.aborted === true) return modules;
    const rank =
      known.get(module.name) ??
      (await effectiveRank(toFloat32(checkpoint.read(weightName(module.name))), module.out, module.in));
    out.push({ ...module, effectiveRank: rank });
    onProgress?.({ phase: "spectrum", done: done + 1, total: modules.length });
  }
  return out;
}
