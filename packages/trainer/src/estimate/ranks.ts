/** What was measured of one frozen weight [out, in]. */
export interface ModuleScore {
  /** Full name, such as `layers.3.self_attn.q_proj`. */
  readonly name: string;
  readonly out: number;
  readonly in: number;
  /** Mean over the batches of the gradient's L2 norm. */
  readonly sensitivity: number;
  /** Mean squared gradient an element: the empirical Fisher information at batch 1. */
  readonly fisherScore: number;
  /** Standard deviation of that score from run to run. */
  readonly crossRunStd: number;
  /** Singular values that hold 95 % of the weight's energy; absent where nobody asked. */
  readonly effectiveRank?: number;
}

export interface RankedModule extends ModuleScore {
  readonly rank: number;
}

export interface RankBounds {
  readonly rank: number;
  readonly rankMin: number;
  readonly rankMax: number;
  readonly parameterBudget?: number | undefined;
}

/** Share of the modules that are chosen by score alone, and of each category at least. */
const chosenShare = 0.55;
const categoryShare = 0.1;
const rankStep = 8;

/** self_attn, cross_attn or mlp. */
export function categoryOf(name: string): string {
  return name.split(".").at(-2) ?? name;
}

/** The modules worth adapting: the best by score, and some of every category, in the order of their scores. */
export function chooseModules<T extends ModuleScore>(modules: readonly T[]): T[] {
  const byScore = [...modules].sort((a, b) => b.fisherScore - a.fisherScore || (a.name < b.name ? -1 : 1));
  const chosen = new Set(byScore.slice(0, Math.max(1, Math.round(modules.length * chosenShare))));
  for (const category of new Set(byScore.map(({ name }) => categoryOf(name)))) {
    const own = byScore.filter(({ name }) => categoryOf(name) === category);
    for (const module of own.slice(0, Math.max(1, Math.round(own.length * categoryShare))))
      chosen.add(module);
  }
  return byScore.filter((module) => chosen.has(module));
}

/** Trainable parameters of a LoRA with these ranks. */
export function parametersOf(modules: readonly RankedModule[]): number {
  return modules.reduce((sum, module) => sum + module.rank * (module.in + module.out), 0);
}

/**
 * base sqrt(f / median f * s / median s), rounded to eights, within the bounds; a parameter budget lowers the base until the
 * sum holds.
 *
 * @returns undefined where even the least ranks exceed the budget.
 */
export function assignRanks(
  modules: readonly ModuleScore[],
  { rank, rankMin, rankMax, parameterBudget }: RankBounds,
): RankedModule[] | undefined {
  const fisher = median(modules.map(({ fisherScore }) => fisherScore));
  const spectral = median(modules.map(({ effectiveRank }) => effectiveRank ?? 1));
  const ranked = (base: number) =>
    modules.map((module) => {
      const weight = (module.fisherScore / fisher) * ((module.effectiveRank ?? 1) / spectral);
      const whole = Math.round((base * Math.sqrt(weight)) / rankStep) * rankStep;
      // A rank above the weight's own says nothing more.
      const most = Math.min(rankMax, module.in, module.out);
      return { ...module, rank: Math.min(Math.max(whole, rankMin), most) };
    });
  if (parameterBudget === undefined) return ranked(rank);
  for (let base = rank; base >= 0; base--) {
    const modulesThen = ranked(base);
    if (parametersOf(modulesThen) <= parameterBudget) return modulesThen;
  }
  return undefined;
}

/** Zero only where most values are: then any of them weighs alike. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const value =
    sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return value > 0 ? value : 1;
}
