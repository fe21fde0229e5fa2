import type { OpenRun } from "./open-run.js";

/** LoKr with both factors full takes no notice of rank and alpha: better said than wondered at. */
export async function idleSettings({ config, adapter, started }: OpenRun): Promise<string | undefined> {
  if (config.adapter.kind !== "lokr" || config.adapter.fullMatrix || started.resumedFrom !== undefined)
    return undefined;
  const names = Object.keys(await adapter.tensors());
  if (names.some((name) => /lokr_w[12]_[ab]$/.test(name))) return undefined;
  return `adapter.rank ${config.adapter.rank} and adapter.alpha do nothing here: at this rank every LoKr factor is full; lower the rank to make it count`;
}
