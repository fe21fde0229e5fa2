import type { PlanRequest, RecomputePolicy, SampleRef } from "@acewright/core-native";
import type { CheckedRun } from "../check-run.js";
import type { OpenRun } from "../train/open-run.js";
import { largestBatch } from "../run-plan.js";

/** Operations of matrix products and attention, a multiplication and an addition being two. */
export interface Work {
  /** Those the model and its adapter need, forward and backward. */
  readonly flops: number;
  /** And what is computed again under the recompute policy. */
  readonly executedFlops: number;
}

/**
 * Counts the work of micro-batches. The only count there is is that of the native core, which adds up the calls of the program
 * as it is traced; here it is asked for each shape met, once.
 */
export class StepWork {
  private readonly known = new Map<string, Promise<Work>>();
  private readonly request: Omit<PlanRequest, "recompute">;

  constructor(
    private readonly run: CheckedRun,
    private readonly handles: OpenRun["handles"],
  ) {
    this.request = largestBatch(run.config, run.samples, run.model.layers);
  }

  /** @returns undefined where songs of unlike shape are packed, whose program no plan tells of. */
  async of(microBatches: readonly (readonly SampleRef[])[]): Promise<Work | undefined> {
    let [flops, executedFlops] = [0, 0];
    for (const batch of microBatches) {
      const work = await this.ofBatch(batch);
      if (work === undefined) return undefined;
      flops += work.flops;
      executedFlops += work.executedFlops;
    }
    return { flops, executedFlops };
  }

  private ofBatch(batch: readonly SampleRef[]): Promise<Work> | undefined {
    const shapes = batch.map((ref) => this.shapeOf(ref));
    const most = (key: "frames" | "conditionTokens") => Math.max(...shapes.map((shape) => shape[key]));
    const [frames, conditionTokens] = [most("frames"), most("conditionTokens")];
    const areAlike = shapes.every((s) => s.frames === frames && s.conditionTokens === conditionTokens);
    if (this.run.config.padding === "packed" && !areAlike) return undefined;
    const shape = { batch: batch.length, frames, conditionTokens };
    const key = JSON.stringify(shape);
    const work = this.known.get(key) ?? this.plan(shape);
    this.known.set(key, work);
    return work;
  }

  private async plan(shape: Pick<PlanRequest, "batch" | "frames" | "conditionTokens">): Promise<Work> {
    const { config, device } = this.run;
    const flopsUnder = async (recompute: RecomputePolicy) =>
      (await device.planMemory(config.model, { ...this.request, ...shape, recompute })).flopsPerMicroBatch;
    return { flops: await flopsUnder("none"), executedFlops: await flopsUnder(config.recompute) };
  }

  private shapeOf({ sample, frames, variant }: SampleRef): { frames: number; conditionTokens: number } {
    const song = this.run.samples.songs[this.handles.indexOf(sample)];
    return { frames: frames ?? song?.frames ?? 0, conditionTokens: song?.conditionTokens[variant ?? 0] ?? 0 };
  }
}
