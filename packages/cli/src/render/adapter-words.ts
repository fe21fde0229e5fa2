import type { PlannedRun } from "@acewright/trainer";

type AdapterSettings = PlannedRun["config"]["adapter"];

/** One rank, or those that an estimation or a pattern gives to single modules. */
export function ranksOf(adapter: AdapterSettings): string {
  const own = Object.values(adapter.rankPattern ?? {});
  if (own.length === 0) return `rank ${adapter.rank}`;
  return `${span(own, "rank ", "ranks ", " to ")} for ${own.length} modules or patterns`;
}

/** The same in a table's cell: `lora 64`, `lora 24-104`. */
export function adapterCell(adapter: AdapterSettings): string {
  const own = Object.values(adapter.rankPattern ?? {});
  return `${adapter.kind} ${own.length === 0 ? adapter.rank : span(own, "", "", "-")}`;
}

function span(ranks: readonly number[], one: string, several: string, to: string): string {
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  return least === most ? `${one}${least}` : `${several}${least}${to}${most}`;
}
