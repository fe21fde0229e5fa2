import {
  formatBytes,
  recomputePolicies,
  type DeviceInfo,
  type MemoryPlan,
  type RecomputePolicy,
} from "@acewright/core-native";
import { framesPerSecond } from "../frames.js";
import {
  describeCure,
  memoryCures,
  shortestCropS,
  type MemoryCure,
  type PlannedStep,
} from "./memory-cures.js";
import { firstFitting, rungsBetween, thriftierThan } from "./recompute-ladder.js";
import { headroomBytes, memoryVerdict, type MemoryVerdict } from "./verdict.js";

/** The recompute policy of a run and how its memory stands to the device's. */
export interface RecomputeChoice {
  readonly policy: RecomputePolicy;
  readonly fits: boolean;
  readonly verdict: MemoryVerdict;
  /** Where the verdict is not green: what would make it better, planned to the byte. */
  readonly cures: readonly MemoryCure[];
  /** What was chosen and why, or what is missing and what would fit: one line for the user. */
  readonly reason: string;
}

/**
 * `auto` is the fastest of the policies for all layers that fits the device's free memory, the thriftiest where none does;
 * where it leaves room for more, fewer layers are recomputed, as many as leave other programs theirs.
 */
export async function chooseRecompute(
  asked: RecomputePolicy | "auto",
  device: DeviceInfo,
  step: PlannedStep,
): Promise<RecomputeChoice & { readonly memory: MemoryPlan }> {
  const room = device.freeBytes - headroomBytes;
  const free = `${formatBytes(device.freeBytes)} free on ${device.name}`;
  const plans = new Map<RecomputePolicy, Promise<MemoryPlan>>();
  // A plan traces the model: each policy is planned once, however often it is weighed.
  const planned = (recompute: RecomputePolicy): Promise<MemoryPlan> => {
    const known = plans.get(recompute) ?? step.plan({ ...step.request, recompute });
    plans.set(recompute, known);
    return known;
  };
  const isGreen = async (policy: RecomputePolicy) =>
    memoryVerdict((await planned(policy)).totalBytes, device) === "green";
  let faster: RecomputePolicy | undefined;
  for (const whole of asked === "auto" ? recomputePolicies : [asked]) {
    const { totalBytes } = await planned(whole);
    if (totalBytes <= room) {
      const between = faster === undefined ? [] : rungsBetween(faster, whole, step.layers);
      const policy = (await firstFitting(between, isGreen)) ?? whole;
      const memory = await planned(policy);
      const verdict = memoryVerdict(memory.totalBytes, device);
      const cures =
        verdict === "green" ? [] : await roomier(thriftierThan(policy, step.layers), isGreen, planned);
      const chosen = asked === "auto" ? `recompute auto is ${policy}` : `recompute ${policy}`;
      const than = faster === undefined ? "" : `; ${faster} needs ${needOf(await planned(faster))}`;
      const reason = `${chosen}: ${needOf(memory)} of ${free}${than}${tightness(room - memory.totalBytes, verdict, cures)}`;
      return { policy, memory, fits: true, verdict, cures, reason };
    }
    faster = whole;
  }
  const policy = faster ?? "block";
  const memory = await planned(policy);
  const cures = await memoryCures(asked, room, step);
  const kept = `${formatBytes(headroomBytes)} of it kept back`;
  const proposals = cures.length > 0 ? proposed(cures) : await hopeless(step);
  const reason = `training needs ${needOf(memory)} with recompute ${policy}, there are ${free} (${kept}); ${proposals}`;
  return { policy, memory, fits: false, verdict: memoryVerdict(memory.totalBytes, device), cures, reason };
}

function needOf({ totalBytes }: MemoryPlan): string {
  return formatBytes(totalBytes);
}

/** The fastest of the thriftier policies that leaves room for other programs, where there is one. */
async function roomier(
  thriftier: readonly RecomputePolicy[],
  isGreen: (policy: RecomputePolicy) => Promise<boolean>,
  planned: (policy: RecomputePolicy) => Promise<MemoryPlan>,
): Promise<readonly MemoryCure[]> {
  const recompute = await firstFitting(thriftier, isGreen);
  return recompute === undefined ? [] : [{ recompute, totalBytes: (await planned(recompute)).totalBytes }];
}

function tightness(leftBytes: number, verdict: MemoryVerdict, [cure]: readonly MemoryCure[]): string {
  if (verdict === "green") return "";
  const roomy =
    cure === undefined ? "" : `, recompute ${cure.recompute} leaves more (${formatBytes(cure.totalBytes)})`;
  return `; only ${formatBytes(leftBytes)} are left should another program want some${roomy}`;
}

function proposed(cures: readonly MemoryCure[]): string {
  const [first] = cures;
  const words = cures.map(describeCure).join(", or ");
  return words === `recompute ${first?.recompute ?? ""}`
    ? `${words} would fit`
    : `what would fit: ${words}, with recompute block`;
}

async function hopeless({ request, plan }: PlannedStep): Promise<string> {
  const least = await plan({
    ...request,
    recompute: "block",
    batch: 1,
    frames: shortestCropS * framesPerSecond,
  });
  const { adapterBytes, gradientBytes, optimizerBytes, weightBytes } = least;
  const own = formatBytes(adapterBytes + gradientBytes + optimizerBytes);
  return `no crop would fit: the model's weights alone take ${formatBytes(weightBytes)}, the adapter ${own}; a device with at least ${formatBytes(least.totalBytes + headroomBytes)} is needed`;
}
