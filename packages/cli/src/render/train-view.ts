import { formatBytes } from "@acewright/core-native";
import { learningRateCourse } from "@acewright/trainer";
import type { TrainEvent } from "@acewright/trainer";
import type { Output } from "../output.js";
import { ranksOf } from "./adapter-words.js";
import { renderChart, renderLearningRate } from "./chart.js";
import type { Progress } from "./progress.js";
import { shellWord } from "./shell-word.js";
import { formatCount, formatCounted } from "./units.js";

/** Weight of the newest loss in the average that is shown: a single loss says more about its timestep than of the model. */
const newestWeight = 0.05;

/** Draws what training tells: a bar, a line for what lasts, a chart at the end. */
export class TrainView {
  private readonly output: Output;
  private bar: Progress | undefined;
  private run = "";
  private total = 0;
  private readonly losses: number[] = [];
  private readonly validations: { readonly step: number; readonly loss: number }[] = [];
  private average: number | undefined;
  private skipped = 0;
  private use = "";

  constructor(output: Output) {
    this.output = output;
  }

  /** Validation before the first step and after the last one, where both were made. */
  get heldOut(): { readonly before: number; readonly after: number } | undefined {
    const [first, last] = [this.validations[0], this.validations.at(-1)];
    if (first === undefined || last === undefined || first === last) return undefined;
    return { before: first.loss, after: last.loss };
  }

  show(event: TrainEvent): void {
    const { output } = this;
    switch (event.type) {
      case "started":
        this.started(event);
        return;
      case "step":
        this.step(event);
        return;
      case "validation":
        this.validations.push(event);
        this.line(
          `step ${event.step}: held-out-noise loss ${event.loss.toFixed(4)}${event.best ? " (best)" : ""}`,
        );
        return;
      case "gradNorms":
        return; // for the log and TensorBoard
      case "best":
        this.line(`step ${event.step}: mean loss of five epochs ${event.loss.toFixed(4)} (best)`);
        return;
      case "device":
        this.use = useText(event);
        return;
      case "checkpoint":
        this.line(`step ${event.step}: checkpoint ${output.path(event.folder)}`);
        return;
      case "sample":
        this.line(`step ${event.step}: listen to ${output.path(event.file)}`);
        return;
      case "warning":
        this.clear();
        output.warn(event.message);
        return;
      case "finished":
        this.bar?.finish(formatCounted(event.step, "step"));
        if (event.stoppedEarly !== undefined)
          this.line(
            `ended early: no better adapter since step ${event.stoppedEarly.best.step} (kept in best/)`,
          );
        this.closing();
        output.say(`adapter: ${output.path(event.folder)}`);
        return;
      case "interrupted":
        this.clear();
        output.say(
          event.checkpoint === undefined
            ? `stopped at step ${event.step}, nothing saved`
            : `stopped at step ${event.step}, saved; \`acewright train --resume ${shellWord(output.path(this.run))}\` goes on`,
        );
        return;
    }
  }

  clear(): void {
    this.bar?.clear();
  }

  private started({
    plan,
    device,
    config,
    step,
    resumedFrom,
  }: Extract<TrainEvent, { type: "started" }>): void {
    const { output } = this;
    this.run = config.output;
    this.total = plan.steps;
    const { verdict, reason } = plan.recompute;
    output.say(
      `${formatCounted(plan.trainingSongs, "song")}, ${formatCounted(plan.steps, "step")}, ${config.adapter.kind} ${ranksOf(config.adapter)} with ${formatCount(plan.parameters)} ` +
        `parameters, ${formatBytes(plan.memory.totalBytes)} of memory, ${device.description} (${device.instructionSet})`,
    );
    if (device.note !== undefined) output.say(device.note);
    output.say(`memory ${output.colors[verdict](verdict)}: ${reason}`);
    if (resumedFrom !== undefined) output.say(`going on from step ${step}: ${output.path(resumedFrom)}`);
    if (output.draws && config.schedule === "custom") {
      const course = learningRateCourse(config, plan);
      output.say(`learning rate\n${renderLearningRate(course, plan.steps, output.terminal.columns)}\n`);
    }
    this.bar = output.progress("train", "step");
  }

  private step(event: Extract<TrainEvent, { type: "step" }>): void {
    const { step, loss, learningRate, skipped, secondsPerStep, etaS } = event;
    if (skipped) this.skipped += 1;
    else {
      this.losses.push(loss);
      this.average =
        this.average === undefined ? loss : (1 - newestWeight) * this.average + newestWeight * loss;
    }
    const shown = this.average === undefined ? "" : `loss ${this.average.toFixed(4)}`;
    const skips = this.skipped === 0 ? "" : `  ${this.skipped} skipped`;
    const remark = `${shown}  lr ${learningRate.toExponential(1)}${skips}${this.use}`;
    // The run's own pace: it leaves out what a process before made, and knows of the validations and samples to come.
    this.bar?.update(step, this.total, remark, { secondsPerUnit: secondsPerStep, secondsLeft: etaS });
  }

  /** A line that stays, above the bar. */
  private line(text: string): void {
    this.clear();
    this.output.say(text);
  }

  private closing(): void {
    const { output, heldOut } = this;
    if (output.draws) {
      const chart = renderChart(this.losses, output.terminal.columns);
      if (chart !== "") output.say(`\ntraining loss\n${chart}\n`);
    }
    if (heldOut !== undefined) {
      output.say(
        `held-out-noise loss: ${heldOut.before.toFixed(4)} before, ${heldOut.after.toFixed(4)} after`,
      );
    }
  }
}

/** `  93 %  7.8 GiB  61 C`: of the device at the last look. */
function useText({
  utilization,
  memoryBytes,
  temperatureC,
}: Extract<TrainEvent, { type: "device" }>): string {
  const heat = temperatureC === undefined ? "" : `  ${temperatureC} C`;
  return `  ${Math.round(100 * utilization)} %  ${formatBytes(memoryBytes)}${heat}`;
}
