import type { OpenRun } from "./open-run.js";

/** A LoKr module with both factors full takes no notice of rank and alpha: better said than wondered at. */
export async function idleSettings({ config, adapter, started }: OpenRun): Promise<string | undefined> {
  if (config.adapter.kind !== "lokr" || config.adapter.fullMatrix || started.resumedFrom !== undefined)
    return undefined;
  const names = Object.keys(await adapter.tensors());
  const modules = new Set(names.map(moduleOf));
  const thin = new Set(names.filter((name) => /\.lokr_w[12]_[ab]$/.test(name)).map(moduleOf));
  const full = modules.size - thin.size;
  if (full === 0) return undefined;
  const where = thin.size === 0 ? "here" : `in ${full} of ${modules.size} modules`;
  const why = thin.size === 0 ? "every LoKr factor is full" : "their LoKr factors are full";
  return `adapter.rank ${config.adapter.rank} and adapter.alpha do nothing ${where}: at this rank ${why}; lower the rank to make it count`;
}

function moduleOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}
