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
import { headroomBytes, memoryVerdict, neighboursBytes, type MemoryVerdict } from "./verdict.js";

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

/** `auto` is the fastest policy that fits the device's free memory, the thriftiest where none does. */
export async function chooseRecompute(
  asked: RecomputePolicy | "auto",
  device: DeviceInfo,
  step: PlannedStep,
): Promise<RecomputeChoice & { readonly memory: MemoryPlan }> {
  const room = device.freeBytes - headroomBytes;
  const free = `${formatBytes(device.freeBytes)} free on ${device.name}`;
  let before: string | undefined;
  for (const policy of asked === "auto" ? recomputePolicies : [asked]) {
    const memory = await step.plan({ ...step.request, recompute: policy });
    const needs = formatBytes(memory.totalBytes);
    const verdict = memoryVerdict(memory.totalBytes, device);
    if (memory.totalBytes <= room) {
      const faster = before === undefined ? "" : `; ${before}`;
      const chosen = asked === "auto" ? `recompute auto is ${policy}` : `recompute ${policy}`;
      const cures = verdict === "green" ? [] : await roomier(policy, room - neighboursBytes, step);
      const reason = `${chosen}: ${needs} of ${free}${faster}${tightness(room - memory.totalBytes, verdict, cures)}`;
      return { policy, memory, fits: true, verdict, cures, reason };
    }
    before = `${policy} needs ${needs}`;
    if (policy !== asked && policy !== recomputePolicies.at(-1)) continue;
    const cures = await memoryCures(asked, room, step);
    const kept = `${formatBytes(headroomBytes)} of it kept back`;
    const proposals = cures.length > 0 ? proposed(cures) : await hopeless(step);
    const reason = `training needs ${needs} with recompute ${policy}, there are ${free} (${kept}); ${proposals}`;
    return { policy, memory, fits: false, verdict, cures, reason };
  }
  throw new RangeError("there is no recompute policy");
}

/** The next policy that leaves room for other programs, where there is one. */
async function roomier(
  policy: RecomputePolicy,
  room: number,
  { request, plan }: PlannedStep,
): Promise<readonly MemoryCure[]> {
  for (const recompute of recomputePolicies.slice(recomputePolicies.indexOf(policy) + 1)) {
    const { totalBytes } = await plan({ ...request, recompute });
    if (totalBytes <= room) return [{ recompute, totalBytes }];
  }
  return [];
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
