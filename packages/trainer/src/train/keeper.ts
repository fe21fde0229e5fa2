import { AceError } from "@acewright/core-native";
import { saveIsDue } from "../plan/retention.js";
import type { Progress } from "../run/checkpoint.js";
import type { OpenRun } from "./open-run.js";
import type { RunWriter } from "./run-writer.js";
import type { StepPlanner } from "./step-batches.js";

/** Says when a run is saved, and leaves it as it should be found when it ends. */
export class Keeper {
  constructor(
    private readonly run: OpenRun,
    private readonly planner: StepPlanner,
    private readonly writer: RunWriter,
  ) {}

  saveIsDue({ step }: Progress, isEnded: boolean): boolean {
    if (step === 0 || this.writer.savedStep === step) return false;
    const { epoch, endsEpoch } = this.planner.position(step - 1);
    const done = { steps: step, epochs: epoch + 1, epochEnded: endsEpoch };
    return isEnded || saveIsDue(this.run.config, done);
  }

  /** The run has made all its steps, or `stoppedEarly`: writes the final adapter and says what it does. */
  async finish({ step, skippedSteps, best }: Progress, stoppedEarly: boolean): Promise<void> {
    const { final } = this.run.folder.paths;
    if (skippedSteps === step) {
      throw new AceError(
        "ERR_TRAINING",
        `not one of ${step} steps changed the adapter: each loss or gradient was not finite; lower learningRate or check the songs named in the log`,
      );
    }
    const effect = await this.run.adapter.effect();
    await this.writer.adapter(final, step);
    if (effect === 0) {
      this.writer.warn(step, "the trained adapter changes no weight of the model: it will have no effect");
    }
    const early = stoppedEarly && best !== null && { stoppedEarly: { best } };
    this.writer.record({ type: "finished", step, folder: final, skippedSteps, effect, ...early });
    await this.run.log.sync();
  }

  /** The run was stopped between two steps, or in one that does not count: saves it unless that must not take time. */
  async interrupt(progress: Progress, isAtOnce: boolean): Promise<void> {
    const { step } = progress;
    if (!isAtOnce && step > 0 && this.writer.savedStep !== step) await this.writer.checkpoint(progress);
    const { savedStep } = this.writer;
    const checkpoint =
      savedStep === undefined ? {} : { checkpoint: this.run.folder.paths.checkpoint(savedStep) };
    this.writer.record({ type: "interrupted", step, ...checkpoint });
    await this.run.log.sync();
  }
}
