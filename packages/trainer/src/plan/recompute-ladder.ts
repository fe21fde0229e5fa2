import { recomputePolicies, type RecomputePolicy } from "@acewright/core-native";

type Whole = (typeof recomputePolicies)[number];

/** The policy for all layers that comes after this one, or undefined after the thriftiest: `mlp:12` -> `mlp` -> `block`. */
export function nextWhole(policy: RecomputePolicy): RecomputePolicy | undefined {
  const [kind, layers] = policy.split(":") as [Whole, string?];
  return layers === undefined ? recomputePolicies[recomputePolicies.indexOf(kind) + 1] : kind;
}

/**
 * Every policy between this one and the thriftiest, fastest first: with each a layer more is recomputed, and less memory
 * needed. A number of layers beyond the model's is all of them.
 */
export function thriftierThan(policy: RecomputePolicy, layers: number): RecomputePolicy[] {
  const [kind, some] = policy.split(":") as [Whole, string?];
  const at = recomputePolicies.indexOf(kind);
  const begun = some === undefined ? [] : rungsOf(kind, Number(some) + 1, layers);
  return [...begun, ...recomputePolicies.slice(at + 1).flatMap((next) => rungsOf(next, 1, layers))];
}

/** Those of them that are faster than `end`. */
export function rungsBetween(
  policy: RecomputePolicy,
  end: RecomputePolicy,
  layers: number,
): RecomputePolicy[] {
  const rungs = thriftierThan(policy, layers);
  return rungs.slice(0, rungs.indexOf(end));
}

function rungsOf(kind: Whole, from: number, layers: number): RecomputePolicy[] {
  if (kind === "none" || from > layers) return [];
  const parts = Array.from({ length: layers - from }, (_, i): RecomputePolicy => `${kind}:${from + i}`);
  return [...parts, kind];
}

/** The first of rungs that get thriftier which fits, found by halving; undefined where none does. */
export async function firstFitting(
  rungs: readonly RecomputePolicy[],
  fits: (policy: RecomputePolicy) => Promise<boolean>,
): Promise<RecomputePolicy | undefined> {
  let [bad, good] = [-1, rungs.length];
  while (good - bad > 1) {
    const middle = Math.floor((good + bad) / 2);
    const policy = rungs[middle];
    if (policy !== undefined && (await fits(policy))) good = middle;
    else bad = middle;
  }
  return rungs[good];
}
