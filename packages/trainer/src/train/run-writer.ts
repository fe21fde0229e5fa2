import { readFileSync } from "node:fs";
import type { RecomputePolicy, SampleResult, StepResult } from "@acewright/core-native";
import { adapterMetadata } from "../adapter-metadata.js";
import type { TimestepLoss, TrainEvent } from "../events.js";
import { lossByTimestep } from "../plan/loss-by-timestep.js";
import { withAlgorithms } from "../config/resolve-config.js";
import { writeFolderAtomic } from "../run/atomic-folder.js";
import type { Progress } from "../run/checkpoint.js";
import type { Files } from "../run/files.js";
import type { OpenRun } from "./open-run.js";

/** Everything a run leaves behind: its log, its checkpoints, its adapters. */
export class RunWriter {
  /** Step of the newest checkpoint. */
  savedStep: number | undefined;
  private algorithms = "";
  private absenceIsTold = false;
  /** Since the last look; a resumed process begins with none. */
  private seen: SampleResult[] = [];
  private recompute: RecomputePolicy;

  constructor(
    private readonly run: OpenRun,
    private readonly files: Files,
    private readonly tell: (event: TrainEvent) => void,
  ) {
    this.recompute = run.recompute;
    this.savedStep = run.started.resumedFrom === undefined ? undefined : run.progress.step;
  }

  /** Logs the event and hands it to the reader. */
  record(event: TrainEvent): void {
    this.run.log.append(event);
    if (event.type === "sample") this.showSong(event);
    this.tell(event);
  }

  private showSong({ step, file, prompt }: Extract<TrainEvent, { type: "sample" }>): void {
    if (!file.endsWith(".wav")) return;
    this.run.tensorBoard.audio(step, prompt === undefined ? "sample" : `sample/${prompt.number}`, {
      wav: readFileSync(file),
      sampleRateHz: 48_000,
      channels: 2,
    });
  }

  warn(step: number, message: string): void {
    this.record({ type: "warning", step, message });
  }

  /** What is logged every `logEvery` steps only still reaches the reader. */
  step(event: Extract<TrainEvent, { type: "step" }>, { samples, moduleNorms }: StepResult): void {
    const { config, plan, tensorBoard } = this.run;
    const { step, loss, learningRate, gradNorm, skipped } = event;
    if (config.logHeavyEvery > 0) this.lookAtTimesteps(step, skipped ? [] : samples);
    if (this.looksAt(step)) this.lookAtDevice(step);
    if (step % config.logEvery !== 0 && !skipped && step !== plan.steps) this.tell(event);
    else {
      this.record(event);
      const { regularizationLoss } = event;
      tensorBoard.scalars(step, {
        ...(regularizationLoss !== undefined && { "train/regularization_loss": regularizationLoss }),
        "train/loss": loss,
        "train/lr": learningRate,
        "train/grad_norm": gradNorm,
      });
    }
    if (this.looksAt(step) && !skipped && moduleNorms !== undefined) this.gradNorms(step, moduleNorms);
  }

  /** Whether what takes more room is looked at after this step. */
  looksAt(step: number): boolean {
    const { logHeavyEvery } = this.run.config;
    return logHeavyEvery > 0 && step % logHeavyEvery === 0;
  }

  private gradNorms(step: number, modules: Readonly<Record<string, number>>): void {
    this.record({ type: "gradNorms", step, modules });
    const tagged = Object.entries(modules).map(([name, norm]) => [`grad_norm/${name}`, norm] as const);
    this.run.tensorBoard.scalars(step, Object.fromEntries(tagged));
  }

  private lookAtTimesteps(step: number, samples: readonly SampleResult[]): void {
    this.seen.push(...samples);
    if (!this.looksAt(step)) return;
    const { tensorBoard } = this.run;
    const timesteps = this.seen.map(({ timestep }) => timestep);
    tensorBoard.histogram(step, "train/timestep", timesteps, { from: 0, to: 1, parts: 20 });
    tensorBoard.scalars(step, byTimestep("train/loss_by_timestep", lossByTimestep(this.seen)));
    this.seen = [];
  }

  private lookAtDevice(step: number): void {
    const { absence } = this.run.use;
    if (absence !== undefined && !this.absenceIsTold) this.warn(step, absence);
    this.absenceIsTold = absence !== undefined;
    const use = this.run.use.read();
    if (use === undefined) return;
    this.record({ type: "device", step, ...use });
    const { memoryBytes, utilization, temperatureC, powerW } = use;
    this.run.tensorBoard.scalars(step, {
      "device/memory_gib": memoryBytes / 2 ** 30,
      "device/utilization": utilization,
      ...(temperatureC !== undefined && { "device/temperature_c": temperatureC }),
      ...(powerW !== undefined && { "device/power_w": powerW }),
    });
  }

  validation(event: Extract<TrainEvent, { type: "validation" }>): void {
    this.record(event);
    const parts = byTimestep("val_loss_by_timestep", event.byTimestep);
    this.run.tensorBoard.scalars(event.step, { val_loss: event.loss, ...parts });
  }

  /** The policy the run goes on with, so that a resume does not meet the same want again. */
  resolveRecompute(recompute: RecomputePolicy): void {
    this.recompute = recompute;
    this.writeConfig();
  }

  private writeConfig(): void {
    const config = { ...this.run.config, recompute: this.recompute };
    this.run.folder.writeConfig(withAlgorithms(config, this.algorithms));
  }

  /** Returns the checkpoint's folder. */
  async checkpoint(progress: Progress): Promise<string> {
    const { folder, log, session, config, device } = this.run;
    // Before the checkpoint: who resumes from it must know how the products up to it were computed.
    const algorithms = await device.algorithms();
    if (algorithms !== this.algorithms) {
      this.algorithms = algorithms;
      this.writeConfig();
    }
    // What the log says up to this step must be durable before a checkpoint exists that lets the rest be cut off.
    await log.sync();
    const content = {
      progress,
      optimizer: await session.state(),
      saveAdapter: (to: string) => this.saveAdapter(to, progress.step),
    };
    const path = await folder.saveCheckpoint(content, config.keepCheckpoints);
    this.savedStep = progress.step;
    this.record({ type: "checkpoint", step: progress.step, folder: path });
    return path;
  }

  /** Writes the adapter as it is now to a folder of its own, in place of what was there. */
  async adapter(folder: string, step: number): Promise<void> {
    await writeFolderAtomic(this.files, folder, (to) => this.saveAdapter(to, step));
  }

  private async saveAdapter(folder: string, step: number): Promise<void> {
    const { adapter, config, model, samples, plan } = this.run;
    const origin = { config, model, datasetHash: samples.hash, songs: plan.trainingSongs, step };
    await adapter.save(folder, adapterMetadata(origin));
  }
}

function byTimestep(tag: string, parts: readonly TimestepLoss[]): Record<string, number> {
  return Object.fromEntries(
    parts.map(({ from, to, loss }) => [`${tag}/${from.toFixed(1)}-${to.toFixed(1)}`, loss]),
  );
}
