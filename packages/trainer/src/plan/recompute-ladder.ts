import { recomputePolicies, type RecomputePolicy } from "@acewright/core-native";
import { largest } from "./largest.js";

type Whole = (typeof recomputePolicies)[number];

/** `mlp:12` -> mlp, 12; without a number for all layers. */
function partsOf(policy: RecomputePolicy): readonly [kind: Whole, layers?: string] {
  return policy.split(":") as [Whole, string?];
}

/** The policy for all layers that comes after this one, or undefined after the thriftiest: `mlp:12` -> `mlp` -> `block`. */
export function nextWhole(policy: RecomputePolicy): RecomputePolicy | undefined {
  const [kind, layers] = partsOf(policy);
  return layers === undefined ? recomputePolicies[recomputePolicies.indexOf(kind) + 1] : kind;
}

/**
 * Every policy between this one and the thriftiest, fastest first: with each a layer more is recomputed, and less memory
 * needed. A number of layers beyond the model's is all of them.
 */
export function thriftierThan(policy: RecomputePolicy, layers: number): RecomputePolicy[] {
  const [kind, some] = partsOf(policy);
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
  const fails = async (rung: number) => {
    const policy = rungs[rung];
    return policy !== undefined && !(await fits(policy));
  };
  return rungs[((await largest(0, rungs.length, fails)) ?? -1) + 1];
}
