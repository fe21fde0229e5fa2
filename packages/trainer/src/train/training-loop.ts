import { AceError, type SampleRef, type StepResult } from "@acewright/core-native";
import { adapterMetadata } from "../adapter-metadata.js";
import type { TrainEvent } from "../events.js";
import { epochBatches, type Place } from "../plan/epoch.js";
import { learningRateAt } from "../plan/learning-rate.js";
import { saveIsDue } from "../plan/retention.js";
import { stepPosition } from "../plan/steps.js";
import { epochSettingsOf } from "../resolve-config.js";
import { writeFolderAtomic } from "../run/atomic-folder.js";
import type { Progress } from "../run/checkpoint.js";
import type { Files } from "../run/files.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import type { OpenRun } from "./open-run.js";
import { Pace } from "./pace.js";
import { askValidation } from "./ask-validation.js";

/** NaN steps in a row that end a run. */
const hopeless = 10;

/** One run from its next step to its end; every decision is a function of the configuration and the step. */
export class TrainingLoop {
  private progress: Progress;
  private savedStep: number | undefined;
  private epoch: { readonly number: number; readonly batches: Place[][] } | undefined;
  private readonly pace = new Pace();

  constructor(
    private readonly run: OpenRun,
    private readonly files: Files,
    private readonly tell: (event: TrainEvent) => void,
    private readonly stop: StopRequest,
  ) {
    this.progress = run.progress;
    this.savedStep = run.started.resumedFrom === undefined ? undefined : run.progress.step;
  }

  async toTheEnd(): Promise<void> {
    this.record(this.run.started);
    for (const message of this.run.warnings) this.warn(message);
    await this.warnOfIdleSettings();
    while (!this.stop.isRequested) {
      if (this.validationIsDue() && !(await this.validate())) break;
      if (this.saveIsDue()) await this.save();
      if (this.progress.step === this.run.plan.steps) {
        await this.finish();
        return;
      }
      if (!(await this.step())) break;
    }
    await this.interrupt();
  }

  /** False when the run must end at once. */
  private async step(): Promise<boolean> {
    const { config, plan, session } = this.run;
    const { step } = this.progress;
    const places = this.placesOf(step);
    const learningRate = learningRateAt(config, step, plan.steps);
    const result = await this.stop.race(
      session.step({ step, learningRate, microBatches: this.microBatches(places) }),
    );
    if (result === stoppedAtOnce) return false;
    const songs = places.flat();
    this.advance(step, result.skipped);
    const { samplesPerSecond, etaS } = this.pace.after(songs.length, plan.steps - this.progress.step);
    const { loss, gradNorm, skipped } = result;
    const epoch = stepPosition(this.stepSettings, step).epoch + 1;
    const event: TrainEvent = {
      type: "step",
      step: step + 1,
      epoch,
      loss,
      gradNorm,
      learningRate,
      samplesPerSecond,
      etaS,
      skipped,
    };
    if ((step + 1) % config.logEvery === 0 || skipped || step + 1 === plan.steps) {
      this.record(event);
      this.run.tensorBoard.scalars(step + 1, {
        "train/loss": loss,
        "train/lr": learningRate,
        "train/grad_norm": gradNorm,
      });
    } else this.tell(event);
    if (skipped) await this.bearSkip(songs, result);
    return true;
  }

  private advance(step: number, skipped: boolean): void {
    const { epoch, from } = stepPosition(this.stepSettings, step + 1);
    this.progress = {
      ...this.progress,
      step: step + 1,
      epoch,
      microBatch: from,
      skippedSteps: this.progress.skippedSteps + (skipped ? 1 : 0),
      skippedInARow: skipped ? this.progress.skippedInARow + 1 : 0,
    };
  }

  private placesOf(step: number): Place[][] {
    const { config, model, samples, split } = this.run;
    const { epoch, from, to } = stepPosition(this.stepSettings, step);
    if (this.epoch?.number !== epoch) {
      const songs = split.training.map((song) => samples.songs[song] as (typeof samples.songs)[number]);
      const batches = epochBatches(songs, epochSettingsOf(config, model.patchSize), epoch);
      const inAll = (place: Place) => ({ ...place, song: split.training[place.song] as number });
      this.epoch = { number: epoch, batches: batches.map((batch) => batch.map(inAll)) };
    }
    return this.epoch.batches.slice(from, to);
  }

  private microBatches(batches: readonly (readonly Place[])[]): SampleRef[][] {
    let key = 0;
    return batches.map((batch) => batch.map((place) => ({ ...this.refOf(place), key: key++ })));
  }

  private refOf({ song, start, frames, variant }: Place): Omit<SampleRef, "key"> {
    return { sample: this.run.handles[song] as number, start, frames, variant };
  }

  private get stepSettings() {
    const { plan, config } = this.run;
    return { batchesPerEpoch: plan.batchesPerEpoch, gradientAccumulation: config.gradientAccumulation };
  }

  private async bearSkip(songs: readonly Place[], result: StepResult): Promise<void> {
    const names = songs
      .filter((_, i) => !Number.isFinite(result.samples[i]?.loss ?? 0))
      .map(({ song }) => this.run.samples.songs[song]?.id ?? "");
    const culprit = names.length > 0 ? `the loss of ${names.join(", ")}` : "the gradient";
    const { step, skippedInARow } = this.progress;
    this.warn(`step ${step}: ${culprit} is not a finite number; nothing was updated`);
    if (skippedInARow < hopeless) return;
    const folder = await this.save();
    throw new AceError(
      "ERR_CONFIG",
      `${hopeless} steps in a row (up to step ${step}) gave a loss or gradient that is not finite; lower learningRate (${this.run.config.learningRate}) or check the songs named in the log; the adapter before them is saved in ${folder}`,
    );
  }

  private validationIsDue(): boolean {
    const { validationEvery } = this.run.config;
    const { step, validatedStep } = this.progress;
    if (validationEvery === 0 || validatedStep === step) return false;
    return step % validationEvery === 0 || step === this.run.plan.steps;
  }

  /** False when a stop came first; the questions are then asked after the resume. */
  private async validate(): Promise<boolean> {
    const { step } = this.progress;
    const loss = await askValidation(this.run, this.stop);
    if (loss === undefined) return false;
    const best = Number.isFinite(loss) && loss < (this.progress.best?.loss ?? Infinity);
    this.progress = {
      ...this.progress,
      validatedStep: step,
      best: best ? { step, loss } : this.progress.best,
    };
    if (best) await this.writeAdapter(this.run.folder.paths.best);
    this.record({ type: "validation", step, loss, best });
    this.run.tensorBoard.scalars(step, { val_loss: loss });
    this.pace.restart();
    return true;
  }

  private saveIsDue(): boolean {
    const { step } = this.progress;
    if (step === 0 || this.savedStep === step) return false;
    const { epoch, endsEpoch } = stepPosition(this.stepSettings, step - 1);
    const done = { steps: step, epochs: epoch + 1, epochEnded: endsEpoch };
    return step === this.run.plan.steps || saveIsDue(this.run.config, done);
  }

  private async save(): Promise<string> {
    const { folder, log, session, config } = this.run;
    // What the log says up to this step must be durable before a checkpoint exists that lets the rest be cut off.
    log.sync();
    const content = {
      progress: this.progress,
      optimizer: await session.state(),
      saveAdapter: (to: string) => this.saveAdapter(to),
    };
    const path = await folder.saveCheckpoint(content, config.keepCheckpoints);
    this.savedStep = this.progress.step;
    this.record({ type: "checkpoint", step: this.progress.step, folder: path });
    this.pace.restart();
    return path;
  }

  private async saveAdapter(folder: string): Promise<void> {
    const { adapter, config, model, samples, plan } = this.run;
    const metadata = adapterMetadata({
      config,
      model,
      datasetHash: samples.hash,
      songs: plan.trainingSongs,
      step: this.progress.step,
    });
    await adapter.save(folder, metadata);
  }

  private async writeAdapter(folder: string): Promise<void> {
    await writeFolderAtomic(this.files, folder, (to) => this.saveAdapter(to));
  }

  private async finish(): Promise<void> {
    const { step, skippedSteps } = this.progress;
    const { final } = this.run.folder.paths;
    if (skippedSteps === step) {
      throw new AceError(
        "ERR_CONFIG",
        `not one of ${step} steps changed the adapter: each loss or gradient was not finite; lower learningRate or check the songs named in the log`,
      );
    }
    const effect = await this.run.adapter.effect();
    await this.writeAdapter(final);
    if (effect === 0) this.warn("the trained adapter changes no weight of the model: it will have no effect");
    this.record({ type: "finished", step, folder: final, skippedSteps, effect });
    this.run.log.sync();
  }

  private async interrupt(): Promise<void> {
    const { step } = this.progress;
    if (!this.stop.isAtOnce && step > 0 && this.savedStep !== step) await this.save();
    const saved = this.savedStep;
    const checkpoint = saved === undefined ? {} : { checkpoint: this.run.folder.paths.checkpoint(saved) };
    this.record({ type: "interrupted", step, ...checkpoint });
    this.run.log.sync();
  }

  /** LoKr with both factors full takes no notice of rank and alpha: better said than wondered at. */
  private async warnOfIdleSettings(): Promise<void> {
    const { config, adapter, started } = this.run;
    if (config.adapter.kind !== "lokr" || config.adapter.fullMatrix || started.resumedFrom !== undefined)
      return;
    const names = Object.keys(await adapter.tensors());
    if (names.some((name) => /lokr_w[12]_[ab]$/.test(name))) return;
    this.warn(
      `adapter.rank ${config.adapter.rank} and adapter.alpha do nothing here: at this rank every LoKr factor is full; lower the rank to make it count`,
    );
  }

  private warn(message: string): void {
    this.record({ type: "warning", step: this.progress.step, message });
  }

  private record(event: TrainEvent): void {
    this.run.log.append(event);
    this.tell(event);
  }
}
