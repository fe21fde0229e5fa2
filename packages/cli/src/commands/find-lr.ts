import { findLearningRate, SweepSettings } from "@acewright/trainer";
import type { LearningRateSweep } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { withAutomatic } from "../automatic.js";
import { trainingConfig, trainingOptions } from "../config-words.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import { renderChart } from "../render/chart.js";

export function findLrCommand(context: Context): Command {
  const command = leafCommand({
    name: "find-lr",
    summary:
      "sweep the learning rate on a fresh adapter in memory and see where it learns; nothing is written",
    examples: [
      "find-lr tensors --model checkpoints/acestep-v15-turbo",
      "find-lr tensors --model checkpoints --adapter lokr --lr-high 1 --lr-steps 100 --json",
    ],
    notes:
      "Each step is made at a higher rate and followed by a loss over the same noises and timesteps. The rate suggested is where that loss falls fastest: a place to begin, below the rate at which it grows again.",
  }).argument("[tensors]", "folder that `acewright preprocess` wrote");
  optionsFromSchema(command, SweepSettings);
  return trainingOptions(command).action(async (tensors: string | undefined) => {
    const output = outputOf(command, context);
    // Nothing is written, so it may do without a place to write to.
    if (command.getOptionValue("output") === undefined) command.setOptionValue("output", "run");
    const bar = output.progress("sweep", "step");
    const config = await withAutomatic(command, trainingConfig(command, tensors), output);
    const found = await findLearningRate(config, {
      sweep: givenOptions(command, SweepSettings),
      signal: context.signal,
      onPoint: ({ learningRate, loss }, done, total) => {
        bar.update(done, total, `lr ${learningRate.toExponential(1)}  loss ${loss.toFixed(4)}`);
      },
    });
    bar.clear();
    output.result(found, () => sweepWords(found, output));
  });
}

function sweepWords({ points, lossBefore, suggested, diverges }: LearningRateSweep, output: Output): string {
  const [first, last] = [points[0], points.at(-1)];
  const chart = renderChart(
    points.map(({ loss }) => Math.min(loss, 2 * lossBefore)),
    output.terminal.columns,
  );
  const range = `loss from ${first?.learningRate.toExponential(1) ?? "?"} to ${last?.learningRate.toExponential(1) ?? "?"}`;
  const found =
    suggested === undefined
      ? "the loss does not fall in this range: try a higher --lr-high, or look at the songs with `acewright dataset check`"
      : `begin with --learning-rate ${suggested.toExponential(1)}, where the loss falls fastest`;
  const above =
    diverges === undefined ? "" : `\nfrom ${diverges.toExponential(1)} on it is higher than at the start`;
  return `${output.draws && chart !== "" ? `${range}\n${chart}\n` : ""}${found}${above}`;
}
