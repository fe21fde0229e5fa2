import { AceError, type SampleRef, type StepResult } from "@acewright/core-native";
import type { NotFinite, TrainEvent } from "../events.js";
import { cruiseScale } from "../plan/cruise-control.js";
import { afterStep } from "../plan/judgement.js";
import { learningRateCourse, warmupLength } from "../plan/learning-rate.js";
import { afterSamples, withAdaptiveTimesteps } from "../plan/adaptive-timesteps.js";
import { meanLoss } from "../plan/loss-by-timestep.js";
import type { Progress } from "../run/checkpoint.js";
import type { Files } from "../run/files.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import { idleSettings } from "./idle-settings.js";
import { Judge } from "./judge.js";
import { Keeper } from "./keeper.js";
import { makeSamples, samplesAreMade } from "./make-sample.js";
import { culpritOf, notFiniteOf } from "./not-finite.js";
import { lowerMemory, type OpenRun } from "./open-run.js";
import { Pace } from "./pace.js";
import { pausesOf } from "./pauses.js";
import { RunWriter } from "./run-writer.js";
import { StepPlanner } from "./step-batches.js";

const roomMade = Symbol("room made");

/** NaN steps in a row that end a run. */
const hopeless = 10;

/** One run from its next step to its end; every decision is a function of the configuration and the step. */
export class TrainingLoop {
  private progress: Progress;
  private sampledStep: number | undefined;
  private readonly planner: StepPlanner;
  private readonly writer: RunWriter;
  private readonly judge: Judge;
  private readonly keeper: Keeper;
  private readonly pace: Pace<"validation" | "sample">;
  private readonly learningRateAt: (step: number) => number;

  constructor(
    private readonly run: OpenRun,
    private readonly files: Files,
    tell: (event: TrainEvent) => void,
    private readonly stop: StopRequest,
  ) {
    this.progress = run.progress;
    this.planner = new StepPlanner(run);
    this.pace = new Pace(run.plan.steps, pausesOf(run));
    const scheduled = learningRateCourse(run.config, run.plan);
    const warmupSteps = warmupLength(run.config.warmupSteps, run.plan.steps);
    this.learningRateAt = (step) =>
      scheduled(step) * cruiseScale(run.config, this.progress.judgement.cruise, { step, warmupSteps });
    this.writer = new RunWriter(run, files, tell);
    this.judge = new Judge(run, this.writer);
    this.keeper = new Keeper(run, this.planner, this.writer);
    // A process that made this step's songs and its checkpoint leaves both.
    if (samplesAreMade(run, files, run.progress.step)) this.sampledStep = run.progress.step;
  }

  async toTheEnd(): Promise<void> {
    this.writer.record(this.run.started);
    for (const message of this.run.warnings) this.writer.warn(this.progress.step, message);
    const idle = await idleSettings(this.run);
    if (idle !== undefined) this.writer.warn(this.progress.step, idle);
    while (!this.stop.isRequested) {
      if (this.judge.validationIsDue(this.progress, this.isEnded) && !(await this.validate())) break;
      if (this.sampleIsDue() && !(await this.sample())) break;
      if (this.keeper.saveIsDue(this.progress, this.isEnded)) await this.save();
      if (this.isEnded) {
        await this.keeper.finish(this.progress, this.judge.isHopeless(this.progress));
        return;
      }
      if (!(await this.step())) break;
    }
    await this.keeper.interrupt(this.progress, this.stop.isAtOnce);
  }

  /** False when the run must end at once. */
  private async step(): Promise<boolean> {
    const { session } = this.run;
    const { step } = this.progress;
    const { microBatches, songs, isMixedIn, epoch } = this.planner.batchesOf(step);
    const learningRate = this.learningRateAt(step);
    const moduleNorms = this.writer.looksAt(step + 1);
    const work = session.step({ step, learningRate, microBatches: this.timed(microBatches), moduleNorms });
    const result = await this.stop.race(this.naming(work)).catch((cause: unknown) => this.makeRoom(cause));
    if (result === stoppedAtOnce) return false;
    if (result === roomMade) return true; // the same step again
    const { loss, gradNorm, skipped } = result;
    const mixedIn = result.samples.filter((_, i) => isMixedIn[i]);
    const notFinite = skipped ? notFiniteOf(songs, result) : undefined;
    this.advance(result);
    const pace = this.pace.after(songs.length, this.progress.step);
    this.writer.step(
      {
        type: "step",
        step: step + 1,
        epoch: epoch + 1,
        loss,
        ...(mixedIn.length > 0 && { regularizationLoss: meanLoss(mixedIn) }),
        gradNorm,
        learningRate,
        ...pace,
        skipped,
        ...(notFinite && { notFinite }),
      },
      result,
    );
    if (notFinite !== undefined) await this.bearSkip(notFinite);
    if (this.planner.position(step).endsEpoch) this.progress = await this.judge.endEpoch(this.progress);
    return true;
  }

  private get isEnded(): boolean {
    // More may be done than are asked for: a run resumed with fewer steps.
    return this.progress.step >= this.run.plan.steps || this.judge.isHopeless(this.progress);
  }

  /** A step that found no memory left everything as it was: it is made again under the next policy. */
  private async makeRoom(cause: unknown): Promise<typeof roomMade> {
    if (!(cause instanceof AceError) || cause.code !== "ERR_OUT_OF_MEMORY") throw cause;
    const lowered = await lowerMemory(this.run);
    if (lowered === undefined) throw cause;
    const { before, now } = lowered;
    this.writer.warn(
      this.progress.step,
      `${cause.message}; recompute ${before} -> ${now}, which needs less memory and gives the same numbers`,
    );
    this.writer.resolveRecompute(now);
    return roomMade;
  }

  /** The core names operator and shape of what failed on the device; which step it was is known here. */
  private async naming<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      if (!(cause instanceof AceError)) throw cause;
      throw new AceError(cause.code, `step ${this.progress.step + 1}: ${cause.message}`, { cause });
    }
  }

  /** The micro-batches with their adaptive timesteps, where any are wanted. */
  private timed(microBatches: readonly (readonly SampleRef[])[]): readonly (readonly SampleRef[])[] {
    const { seed, adaptiveTimesteps: share } = this.run.config;
    if (share === 0) return microBatches;
    const { step, timestepLosses: losses } = this.progress;
    return withAdaptiveTimesteps(microBatches, { seed, step, share, losses });
  }

  private advance({ skipped, loss, samples }: StepResult): void {
    const step = this.progress.step + 1;
    const { epoch, from } = this.planner.position(step);
    const { skippedSteps, skippedInARow, judgement, timestepLosses } = this.progress;
    const isAdaptive = !skipped && this.run.config.adaptiveTimesteps > 0;
    this.progress = {
      ...this.progress,
      timestepLosses: isAdaptive ? afterSamples(timestepLosses, samples) : timestepLosses,
      judgement: skipped ? judgement : afterStep(judgement, this.run.config, loss),
      step,
      epoch,
      microBatch: from,
      skippedSteps: skippedSteps + (skipped ? 1 : 0),
      skippedInARow: skipped ? skippedInARow + 1 : 0,
    };
  }

  private async bearSkip(notFinite: NotFinite): Promise<void> {
    const { step, skippedInARow } = this.progress;
    this.writer.warn(
      step,
      `step ${step}: ${culpritOf(notFinite)} is not a finite number; nothing was updated`,
    );
    if (skippedInARow < hopeless) return;
    const folder = await this.save();
    throw new AceError(
      "ERR_TRAINING",
      `${hopeless} steps in a row (up to step ${step}) gave a loss or gradient that is not finite; lower learningRate (${this.run.config.learningRate}) or check the songs named in the log; the adapter before them is saved in ${folder}`,
    );
  }

  /** False when a stop came first. */
  private async validate(): Promise<boolean> {
    this.pace.restart();
    const judged = await this.judge.validate(this.progress, this.stop);
    if (judged === undefined) return false;
    this.progress = judged;
    this.pace.paused("validation");
    return true;
  }

  private sampleIsDue(): boolean {
    const { sampleEvery } = this.run.config;
    const { step } = this.progress;
    return sampleEvery > 0 && step % sampleEvery === 0 && this.sampledStep !== step;
  }

  /** False when a stop came first; all songs of the step are then made after the resume. */
  private async sample(): Promise<boolean> {
    const { step } = this.progress;
    this.pace.restart();
    const made = await makeSamples(this.run, this.files, step, this.stop);
    if (made === undefined) return false;
    this.sampledStep = step;
    for (const event of made) this.writer.record(event);
    this.pace.paused("sample");
    return true;
  }

  private async save(): Promise<string> {
    const folder = await this.writer.checkpoint(this.progress);
    this.pace.restart();
    return folder;
  }
}
