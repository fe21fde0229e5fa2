import type { MemoryPlan, PlanRequest, RecomputePolicy } from "@acewright/core-native";
import { framesPerSecond } from "../frames.js";
import { largest } from "./largest.js";
import { firstFitting, thriftierThan } from "./recompute-ladder.js";

/** A run's largest step, ready to be planned under any policy and size. */
export interface PlannedStep {
  /** The model's, each of which may have a policy of its own. */
  readonly layers: number;
  readonly request: Omit<PlanRequest, "recompute">;
  readonly plan: (request: PlanRequest) => Promise<MemoryPlan>;
}

/** Settings under which a run would fit, planned and not guessed: all of them together. */
export interface MemoryCure {
  readonly recompute: RecomputePolicy;
  readonly batchSize?: number;
  readonly optimizer?: "adamw8bit";
  readonly rank?: number;
  readonly cropSeconds?: number;
  /** What the run then needs. */
  readonly totalBytes: number;
}

/** Crops shorter than this teach little: none is proposed. */
export const shortestCropS = 5;
/** Adapters thinner than this learn little: none is proposed. */
const thinnestRank = 4;

/**
 * The least changes that make a run fit into `room`: a thriftier policy where one was asked for by name; else, under
 * the thriftiest, a smaller batch; else, one song at a time, each by itself, optimizer moments in bytes, a lower rank, a crop.
 */
export async function memoryCures(
  asked: RecomputePolicy | "auto",
  room: number,
  { layers, request, plan }: PlannedStep,
): Promise<readonly MemoryCure[]> {
  const planned = async (changes: Partial<PlanRequest>) =>
    (await plan({ ...request, recompute: "block", ...changes })).totalBytes;
  const fits = async (changes: Partial<PlanRequest>) => (await planned(changes)) <= room;
  if (asked !== "auto") {
    const recompute = await firstFitting(thriftierThan(asked, layers), (recompute) => fits({ recompute }));
    if (recompute !== undefined) return [{ recompute, totalBytes: await planned({ recompute }) }];
  }
  const batch = await largest(1, request.batch, (batch) => fits({ batch }));
  if (batch !== undefined)
    return [{ recompute: "block", batchSize: batch, totalBytes: await planned({ batch }) }];
  const single = request.batch > 1 ? { batchSize: 1 } : {};
  const cures: MemoryCure[] = [];
  const propose = async (
    settings: Omit<MemoryCure, "recompute" | "totalBytes">,
    changes: Partial<PlanRequest>,
  ) => {
    const totalBytes = await planned({ batch: 1, ...changes });
    if (totalBytes <= room) cures.push({ recompute: "block", ...single, ...settings, totalBytes });
  };
  const { optimizer } = request;
  if (optimizer?.kind === "adamw")
    await propose({ optimizer: "adamw8bit" }, { optimizer: { ...optimizer, kind: "adamw8bit" } });
  for (let rank = Math.floor(request.adapter.rank / 2); rank >= thinnestRank; rank = Math.floor(rank / 2)) {
    const adapter = { ...request.adapter, rank };
    if (!(await fits({ batch: 1, adapter }))) continue;
    await propose({ rank }, { adapter });
    break;
  }
  const fives = await largest(1, Math.ceil(request.frames / framesOf(1)), (count) =>
    fits({ batch: 1, frames: framesOf(count) }),
  );
  if (fives !== undefined) await propose({ cropSeconds: fives * shortestCropS }, { frames: framesOf(fives) });
  return cures;
}

function framesOf(fives: number): number {
  return fives * shortestCropS * framesPerSecond;
}

/** `batchSize 1 and rank 16` */
export function describeCure(cure: MemoryCure): string {
  const words = (["batchSize", "optimizer", "rank", "cropSeconds"] as const).flatMap((setting) =>
    cure[setting] === undefined ? [] : [`${setting} ${cure[setting]}`],
  );
  return words.length === 0 ? `recompute ${cure.recompute}` : words.join(" and ");
}
