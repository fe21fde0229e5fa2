import { bestCriterion } from "../config/train-config.js";
import { afterEpoch, afterValidation, epochsLoss, isOverfitting } from "../plan/judgement.js";
import type { Progress } from "../run/checkpoint.js";
import type { StopRequest } from "../stop-request.js";
import { askValidation } from "./ask-validation.js";
import type { OpenRun } from "./open-run.js";
import type { RunWriter } from "./run-writer.js";

/**
 * Says how good a run's adapter is: validates, keeps the best, tells when it gets no better. All that a verdict rests on is
 * in the progress it is given, so that a resumed run judges as one that was never stopped.
 */
export class Judge {
  constructor(
    private readonly run: OpenRun,
    private readonly writer: RunWriter,
  ) {}

  isHopeless({ judgement }: Progress): boolean {
    const { earlyStopPatience } = this.run.config;
    return earlyStopPatience > 0 && judgement.sinceBest >= earlyStopPatience;
  }

  validationIsDue({ step, validatedStep }: Progress, isEnded: boolean): boolean {
    const { validationEvery } = this.run.config;
    if (validationEvery === 0 || validatedStep === step) return false;
    return step % validationEvery === 0 || isEnded;
  }

  /** Undefined when a stop came first; the questions are then asked after the resume. */
  async validate(progress: Progress, stop: StopRequest): Promise<Progress | undefined> {
    const answers = await askValidation(this.run, stop);
    if (answers === undefined) return undefined;
    const { step } = progress;
    const { loss } = answers;
    const judgement = afterValidation(progress.judgement, loss);
    const asked = { ...progress, validatedStep: step, judgement };
    const judged =
      bestCriterion(this.run.config) === "validation" ? await this.keepIfBest(asked, loss) : asked;
    const best = judged.best !== asked.best;
    this.writer.validation({ type: "validation", step, best, ...answers });
    if (this.run.split.validation.length > 0 && isOverfitting(judgement))
      this.warnOfOverfitting(judged, loss);
    return judged;
  }

  async endEpoch(progress: Progress): Promise<Progress> {
    const judgement = afterEpoch(progress.judgement);
    const ended = { ...progress, judgement };
    if (bestCriterion(this.run.config) !== "loss") return ended;
    const loss = epochsLoss(judgement);
    if (loss === undefined) return ended;
    const judged = await this.keepIfBest(ended, loss);
    if (judged.best !== ended.best) this.writer.record({ type: "best", step: progress.step, loss });
    return judged;
  }

  /** Writes the adapter to `best/` where its loss is lower than any before; counts how long none was. */
  private async keepIfBest(progress: Progress, loss: number): Promise<Progress> {
    const { step, epoch, best, judgement } = progress;
    const { minImprovement, bestAfterEpochs } = this.run.config;
    if (epoch < bestAfterEpochs) return progress;
    const isBest = Number.isFinite(loss) && (best === null || loss < best.loss - minImprovement);
    if (!isBest) return { ...progress, judgement: { ...judgement, sinceBest: judgement.sinceBest + 1 } };
    await this.writer.adapter(this.run.folder.paths.best, step);
    return { ...progress, best: { step, loss }, judgement: { ...judgement, sinceBest: 0 } };
  }

  private warnOfOverfitting({ step, best }: Progress, loss: number): void {
    const kept =
      best === null ? "" : `; the best adapter so far is that of step ${best.step} (${best.loss.toFixed(4)})`;
    this.writer.warn(
      step,
      `the loss of the held-out songs has risen three times in a row (now ${loss.toFixed(4)}) while the training loss fell: the adapter learns its songs by heart${kept}`,
    );
  }
}
