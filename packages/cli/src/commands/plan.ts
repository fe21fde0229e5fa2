import { formatBytes } from "@acewright/core-native";
import { planRun } from "@acewright/trainer";
import type { PlannedRun } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { trainingConfig, trainingOptions } from "../config-words.js";
import { renderTable } from "../render/table.js";
import { formatCount, formatDuration } from "../render/units.js";

export function planCommand(context: Context): Command {
  const command = leafCommand({
    name: "plan",
    summary: "what a training run would need and come to; nothing is trained or written",
    examples: [
      "plan tensors --model checkpoints/acestep-v15-turbo",
      "plan tensors --model checkpoints --adapter lora --rank 128 --recompute block --json",
    ],
  }).argument("[tensors]", "folder that `acewright preprocess` wrote");
  return trainingOptions(command).action(async (tensors: string | undefined) => {
    const output = outputOf(command, context);
    // A plan writes nothing, so it may do without a place to write to.
    if (command.getOptionValue("output") === undefined) command.setOptionValue("output", "run");
    const plan = await planRun(trainingConfig(command, tensors));
    output.result(plan, () => planTable(plan));
  });
}

function planTable(plan: PlannedRun): string {
  const { memory, config } = plan;
  const rows: [string, string][] = [
    [
      "songs",
      `${plan.trainingSongs} to train on, ${plan.validationSongs} held out, ${formatDuration(plan.audioS)}`,
    ],
    ["steps", `${plan.steps} (${plan.stepsPerEpoch} an epoch, ${plan.epochs} epochs)`],
    ["adapter", `${config.adapter.kind}, rank ${config.adapter.rank}, learning rate ${config.learningRate}`],
    ["device", `${plan.device.description} (${plan.device.instructionSet})`],
    ["weights", formatBytes(memory.weightBytes)],
    ["activations", `${formatBytes(memory.arenaBytes)} (recompute ${config.recompute})`],
    ["adapter and gradient", formatBytes(memory.adapterBytes + memory.gradientBytes)],
    ["optimizer", formatBytes(memory.optimizerBytes)],
    ["songs in memory", formatBytes(memory.datasetBytes)],
    ["memory in all", formatBytes(memory.totalBytes)],
    ["work", `${formatCount(Math.round(plan.flops / 1e9))} GFLOP at most`],
    ["each checkpoint", formatBytes(plan.checkpointBytes)],
  ];
  return renderTable([{ title: "" }, { title: "" }], rows).trimStart();
}
