import { recomputePolicies, type RecomputePolicy } from "@acewright/core-native";

/** What a policy keeps, where each layer has an equal part in what the policies for all layers do. */
export function keptBy(
  whole: Readonly<Record<(typeof recomputePolicies)[number], number>>,
  layers: number,
): (policy: RecomputePolicy) => number {
  return (policy) => {
    const [kind, some] = policy.split(":") as [keyof typeof whole, string?];
    const faster = recomputePolicies[recomputePolicies.indexOf(kind) - 1] ?? "none";
    const share = some === undefined ? 1 : Math.min(1, Number(some) / layers);
    return whole[faster] + share * (whole[kind] - whole[faster]);
  };
}
