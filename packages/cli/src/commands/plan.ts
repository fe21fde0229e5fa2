import { formatBytes } from "@acewright/core-native";
import { learningRateCourse, planRun, suggestSettings } from "@acewright/trainer";
import type { PlannedRun } from "@acewright/trainer";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { choicesTable } from "../automatic.js";
import { trainingConfig, trainingOptions } from "../config-words.js";
import type { Output } from "../output.js";
import { ranksOf } from "../render/adapter-words.js";
import { renderLearningRate } from "../render/chart.js";
import { renderTable } from "../render/table.js";
import { formatCount, formatDuration } from "../render/units.js";

export function planCommand(context: Context): Command {
  const command = leafCommand({
    name: "plan",
    summary: "what a training run would need and come to; nothing is trained or written",
    examples: [
      "plan tensors --model checkpoints/acestep-v15-turbo",
      "plan tensors --model checkpoints --adapter lora --rank 128 --recompute block --json",
      "plan tensors --model checkpoints --measure",
      "plan tensors --model checkpoints --device cuda --memory 24GiB",
      "plan tensors --model checkpoints --device cuda --memory 12GB --suggest",
    ],
  })
    .argument("[tensors]", "folder that `acewright preprocess` wrote")
    .option("--measure", "make a few steps in memory to tell how long the run would take")
    .option("--memory <size>", "plan for a device with so much memory, which need not be here", parseBytes)
    .option(
      "--suggest",
      "choose settings for that memory and these songs, and say why: what --preset auto takes",
    );
  return trainingOptions(command).action(async (tensors: string | undefined, words: PlanWords) => {
    const output = outputOf(command, context);
    // A plan writes nothing, so it may do without a place to write to.
    if (command.getOptionValue("output") === undefined) command.setOptionValue("output", "run");
    const config = trainingConfig(command, tensors);
    const on = words.memory === undefined ? {} : { memoryBytes: words.memory };
    const isSuggested = words.suggest === true || words.preset === "auto";
    const suggestion = isSuggested ? await suggestSettings(config, on) : undefined;
    const isMeasured = words.measure === true;
    const plan =
      suggestion === undefined || isMeasured
        ? await planRun(suggestion?.plan.config ?? config, { ...on, measure: isMeasured })
        : suggestion.plan;
    const { note } = plan.device;
    if (note !== undefined) output.say(note);
    for (const warning of plan.warnings) output.warn(warning);
    output.result(suggestion === undefined ? plan : { ...suggestion, plan }, () =>
      [
        ...(suggestion === undefined ? [] : [choicesTable(suggestion.choices), ""]),
        planTable(plan, output),
      ].join("\n"),
    );
    if (output.draws && plan.steps > 1) output.say(courseOf(plan, output.terminal.columns));
  });
}

interface PlanWords {
  measure?: true;
  memory?: number;
  suggest?: true;
  preset?: string;
}

/** `24GiB`, `24 GB`, `512MiB`: a bare letter counts in 1024s, as cards are sold. */
export function parseBytes(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(Gi?B?|Mi?B?)$/i.exec(text.trim()) ?? [];
  const isDecimal = /^[gm]b$/i.test(unit);
  const [kilo, power] = [isDecimal ? 1000 : 1024, /^g/i.test(unit) ? 3 : 2];
  const bytes = Math.round(Number(number) * kilo ** power);
  if (unit === "" || bytes === 0) throw new InvalidArgumentError("expected a size such as 24GiB or 512MiB.");
  return bytes;
}

function courseOf({ config, ...plan }: PlannedRun, columns: number): string {
  return `\nlearning rate\n${renderLearningRate(learningRateCourse(config, plan), plan.steps, columns)}`;
}

/** Every number of a plan, one a line, in lines of at most so many cells. */
export function planTable(plan: PlannedRun, { colors, cells }: Pick<Output, "colors" | "cells">): string {
  const { memory, config, speed } = plan;
  const { verdict, reason } = plan.recompute;
  const rows: [string, string][] = [
    [
      "songs",
      `${plan.trainingSongs} to train on, ${plan.validationSongs} held out, ${mixedIn(plan)}${formatDuration(plan.audioS)}`,
    ],
    ["steps", `${plan.steps} (${plan.stepsPerEpoch} an epoch, ${plan.epochs} epochs)`],
    ...(speed === undefined ? [] : [["time", timeOf(speed)] as [string, string]]),
    ["adapter", `${config.adapter.kind}, ${ranksOf(config.adapter)}, learning rate ${config.learningRate}`],
    ["device", `${plan.device.description} (${plan.device.instructionSet})`],
    ["weights", formatBytes(memory.weightBytes)],
    ["activations", `${formatBytes(memory.arenaBytes)} (recompute ${config.recompute})`],
    ["adapter and gradient", formatBytes(memory.adapterBytes + memory.gradientBytes)],
    ["optimizer", formatBytes(memory.optimizerBytes)],
    ["songs in memory", formatBytes(memory.datasetBytes)],
    ["working memory", formatBytes(memory.scratchBytes)],
    ["memory in all", formatBytes(memory.totalBytes)],
    ["verdict", `${colors[verdict](verdict)}: ${reason}`],
    ["work", `${formatCount(Math.round(plan.flops / 1e9))} GFLOP at most`],
    ["each checkpoint", formatBytes(plan.checkpointBytes)],
  ];
  return renderTable([{ title: "" }, { title: "", wraps: true }], rows, cells).trimStart();
}

/** `about 2 h 10 min (1.2 s a step)`, as steps made here said. */
function timeOf({ expectedS, secondsPerStep }: NonNullable<PlannedRun["speed"]>): string {
  const step =
    secondsPerStep < 1
      ? `${(1 / secondsPerStep).toPrecision(3)} step/s`
      : `${secondsPerStep.toPrecision(3)} s a step`;
  return `about ${formatDuration(expectedS)} (${step}, measured)`;
}

function mixedIn({ regularizationSongs }: PlannedRun): string {
  return regularizationSongs === undefined ? "" : `${regularizationSongs} mixed in, `;
}
