import { basename } from "node:path";
import { AceError } from "@acewright/core-native";
import { benchmarkSteps, BenchmarkSettings } from "@acewright/trainer";
import type { Benchmark, BenchmarkConfig, MeasuredRow, TrainConfigInput } from "@acewright/trainer";
import type { Command } from "commander";
import { withAutomatic } from "../automatic.js";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { automatic, songlessConfig, trainingOptions } from "../config-words.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import { ranksOf } from "../render/adapter-words.js";
import { BenchBars } from "../render/bench-bars.js";
import { benchTable } from "../render/bench-table.js";
import { formatCount, formatCounted, formatDuration } from "../render/units.js";

export function benchCommand(context: Context): Command {
  const command = leafCommand({
    name: "bench",
    summary: "time training steps on this machine: tokens/s, TFLOP/s and memory; nothing is written",
    examples: [
      "bench --model checkpoints/acestep-v15-turbo",
      "bench --model checkpoints --device cuda --adapter lokr --recompute block --seconds 60,240",
      "bench tensors --model checkpoints --preset quick_test",
      "bench --model checkpoints --seconds 30 --steps 20 --warmup 5 --peak 989 --json",
    ],
    notes:
      "Each step is forward, backward and update, as `train` makes it. Without TENSORS its songs are noise of the lengths asked for; with TENSORS they are the run's own, and what the whole run would take is told. TFLOP/s count what the model needs by its shapes, not what --recompute makes again. A checkpoint to try it with: `acewright models toy checkpoints`.",
  }).argument("[tensors]", "folder that `acewright preprocess` wrote; without it songs are invented");
  optionsFromSchema(command, BenchmarkSettings);
  return trainingOptions(command).action(async (tensors: string | undefined) => {
    const output = outputOf(command, context);
    const config = await benchConfig(command, tensors, output);
    const bars = new BenchBars(output);
    const { signal, stopNow } = context;
    let found: Benchmark;
    try {
      found = await benchmarkSteps(config, {
        benchmark: givenOptions(command, BenchmarkSettings),
        signal,
        stopNow,
        onDevice: (device) => {
          if (device.note !== undefined) output.say(device.note);
        },
        onStep: (step) => {
          bars.show(step);
        },
      });
    } finally {
      bars.clear();
    }
    for (const warning of found.warnings) output.warn(warning);
    for (const row of found.rows) warnOfSkipped(row, output);
    output.result(found, () => benchWords(found, output));
  });
}

/** The configuration to be timed; `--preset auto` asks what suits the songs, so there must be some. */
async function benchConfig(
  command: Command,
  tensors: string | undefined,
  output: Output,
): Promise<BenchmarkConfig> {
  const config = songlessConfig(command, tensors);
  if (command.opts<{ preset?: string }>().preset !== automatic) return config;
  if (config.tensors === undefined)
    throw new AceError(
      "ERR_CONFIG",
      "preset auto is chosen for songs; name their folder of tensors, or a preset",
    );
  return withAutomatic(command, { output: "run", ...config } as TrainConfigInput, output);
}

function warnOfSkipped(row: Benchmark["rows"][number], output: Output): void {
  if ("refused" in row || row.skippedSteps === 0) return;
  output.warn(
    `${formatCounted(row.skippedSteps, "step")} of ${lengthOf(row)} gave a loss or gradient that is not finite: their times are of steps that changed nothing`,
  );
}

function lengthOf({ audioS }: Pick<MeasuredRow, "audioS">): string {
  return `${Number(audioS.toFixed(1))} s`;
}

/** What was measured, on what, and what could not be. */
export function benchWords(found: Benchmark, { cells, colors }: Pick<Output, "cells" | "colors">): string {
  const { device, model, settings, peakTeraflops, rows } = found;
  const { adapter, optimizer, batchSize, gradientAccumulation } = settings;
  const measured = rows.filter((row): row is MeasuredRow => !("refused" in row));
  const backend = device.name === "cpu" ? `cpu, ${formatCounted(device.threads, "thread")}` : device.name;
  const peak = peakTeraflops === undefined ? "" : `, peak ${peakTeraflops} TFLOP/s`;
  const lines = [
    `device: ${backend}: ${device.description} (${device.instructionSet}${peak})`,
    `model: ${basename(model.folder)}, ${formatCounted(model.layers, "layer")} of width ${formatCount(model.hiddenSize)}`,
    `step: ${adapter.kind}, ${ranksOf(adapter)}, ${optimizer.kind}, batch ${batchSize}, ${gradientAccumulation} accumulated; ${stepsTimed(measured)}`,
    "",
    measured.length === 0 ? "no step was timed" : benchTable(measured, cells),
  ];
  for (const row of rows) {
    if ("refused" in row) lines.push(`${lengthOf(row)}: ${colors.red(row.refused)}`);
    else if (row.run !== undefined) lines.push("", runWords(row.run));
  }
  if (found.interrupted) lines.push("interrupted: this is what was timed until then");
  return lines.join("\n");
}

function stepsTimed(rows: readonly MeasuredRow[]): string {
  const [least, most] = [Math.min, Math.max].map((of) => of(...rows.map(({ timedSteps }) => timedSteps)));
  const warmup = Math.max(...rows.map(({ warmupSteps }) => warmupSteps));
  if (rows.length === 0) return "none timed";
  return `${least === most ? `${most}` : `${least} to ${most}`} timed after ${warmup} to warm up`;
}

function runWords({ trainingSongs, epochs, steps, expectedS }: NonNullable<MeasuredRow["run"]>): string {
  const size = `${formatCounted(trainingSongs, "song")}, ${formatCounted(epochs, "epoch")}, ${formatCounted(steps, "step")}`;
  return `the whole run (${size}): about ${formatDuration(expectedS)} of steps at this pace`;
}
