import {
  formatBytes,
  recomputePolicies,
  type DeviceInfo,
  type MemoryPlan,
  type PlanRequest,
  type RecomputePolicy,
} from "@acewright/core-native";
import { framesPerSecond } from "../frames.js";

/** The recompute policy of a run and how its memory stands to the device's. */
export interface RecomputeChoice {
  readonly policy: RecomputePolicy;
  readonly fits: boolean;
  /** What was chosen and why, or what is missing and what would fit: one line for the user. */
  readonly reason: string;
}

/** A run's largest step, ready to be planned under any policy and size. */
export interface PlannedStep {
  readonly request: Omit<PlanRequest, "recompute">;
  readonly plan: (request: PlanRequest) => Promise<MemoryPlan>;
}

/** What the plan does not count: a library's own kernels and graphs, Node's heap. */
export const headroomBytes = 2 ** 29;
/** Crops shorter than this teach little: none is proposed. */
const shortestCropS = 5;

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
    if (memory.totalBytes <= room) {
      const faster = before === undefined ? "" : `; ${before}`;
      const chosen = asked === "auto" ? `recompute auto is ${policy}` : `recompute ${policy}`;
      return { policy, memory, fits: true, reason: `${chosen}: ${needs} of ${free}${faster}` };
    }
    before = `${policy} needs ${needs}`;
    if (policy !== asked && policy !== recomputePolicies.at(-1)) continue;
    const proposals = await whatFits(asked, room, step);
    const kept = `${formatBytes(headroomBytes)} of it kept back`;
    const reason = `training needs ${needs} with recompute ${policy}, there are ${free} (${kept}); ${proposals}`;
    return { policy, memory, fits: false, reason };
  }
  throw new RangeError("there is no recompute policy");
}

/** The least changes that would make the run fit. */
async function whatFits(asked: string, room: number, { request, plan }: PlannedStep): Promise<string> {
  const fits = async (changes: Partial<PlanRequest>) =>
    (await plan({ ...request, recompute: "block", ...changes })).totalBytes <= room;
  if (asked !== "auto") {
    for (const recompute of recomputePolicies) {
      if (recompute !== asked && (await fits({ recompute }))) return `recompute ${recompute} would fit`;
    }
  }
  const proposals: string[] = [];
  if (request.batch > 1 && (await fits({ batch: 1 }))) proposals.push("batchSize 1");
  const crop = await longestCrop(request, (frames) => fits({ batch: 1, frames }));
  if (proposals.length === 0 && crop !== undefined)
    proposals.push(`${request.batch > 1 ? "batchSize 1 and " : ""}cropSeconds ${crop}`);
  if (proposals.length > 0) return `what would fit: ${proposals.join(", or ")}, with recompute block`;
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

/** Seconds of the longest crop that fits, in whole fives; found by halving. */
async function longestCrop(
  { frames }: Pick<PlanRequest, "frames">,
  fits: (frames: number) => Promise<boolean>,
): Promise<number | undefined> {
  const framesOf = (fives: number) => fives * shortestCropS * framesPerSecond;
  let [low, high] = [0, Math.ceil(frames / framesOf(1))];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await fits(framesOf(middle))) low = middle;
    else high = middle;
  }
  return low === 0 ? undefined : low * shortestCropS;
}
