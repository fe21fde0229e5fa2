import { resolve } from "node:path";
import { estimate, EstimateSettings } from "@acewright/trainer";
import type { Estimate } from "@acewright/trainer";
import { InvalidArgumentError, type Command } from "commander";
import { leafCommand, modelOption, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import { renderBars } from "../render/bars.js";
import { formatCount, formatCounted } from "../render/units.js";

const choice = { omit: ["tensors", "model"] };

export function estimateCommand(context: Context): Command {
  const command = leafCommand({
    name: "estimate",
    summary: "measure which modules the songs pull on, and write the ranks that `train` then takes",
    examples: [
      "estimate tensors --model checkpoints/acestep-v15-turbo",
      "estimate tensors --model checkpoints --timestep-focus texture --rank-max 96",
      "estimate tensors --model checkpoints --parameter-budget 20000000 --no-spectrum --json",
    ],
    notes:
      "fisher_map.json lies beside the tensors then; `train` and `plan` take it for lora and dora unless --ignore-fisher-map is given.",
  })
    .argument("<tensors>", "folder that `acewright preprocess` wrote")
    .addOption(modelOption())
    .option("--top-k <count>", "how many modules or layers to show", parseCount, 16)
    .option("--granularity <what>", "show modules or layers", parseGranularity, "module");
  return optionsFromSchema(command, EstimateSettings, choice).action(
    async (tensors: string, words: Words) => {
      const output = outputOf(command, context);
      const bars = {
        gradients: output.progress("gradients", "song"),
        spectrum: output.progress("spectrum", "weight"),
      };
      const found = await estimate(
        {
          ...givenOptions(command, EstimateSettings, choice),
          tensors: resolve(tensors),
          model: resolve(words.model),
        },
        {
          signal: context.signal,
          onProgress: ({ phase, done, total }) => {
            bars[phase].update(done, total);
          },
        },
      );
      bars.gradients.clear();
      bars.spectrum.clear();
      for (const warning of found.warnings) output.warn(warning);
      output.result(found, () => estimateWords(found, words, output));
    },
  );
}

interface Words {
  model: string;
  topK: number;
  granularity: "module" | "layer";
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError("expected a whole number from 1 on.");
  return count;
}

function parseGranularity(text: string): "module" | "layer" {
  if (text !== "module" && text !== "layer") throw new InvalidArgumentError("expected module or layer.");
  return text;
}

function estimateWords(found: Estimate, { topK, granularity }: Words, output: Output): string {
  const { modules, layers, chosen, parameters, batches, runs, file } = found;
  const ranks = new Map(chosen.map(({ name, rank }) => [name, rank]));
  const rows =
    granularity === "layer"
      ? layers
          .map((value, layer) => ({ name: `layer ${layer}`, value, note: "" }))
          .sort((a, b) => b.value - a.value)
      : modules.map(({ name, fisherScore, sensitivity }) => ({
          name,
          value: fisherScore,
          note: `|dW| ${sensitivity.toExponential(2)}  rank ${ranks.get(name) ?? "-"}`,
        }));
  const table = renderBars(rows.slice(0, topK), output.terminal.columns);
  const heat = layers.length > 1 ? `\nby layer, 0 to ${layers.length - 1}: ${heatLine(layers)}` : "";
  const sum = `${chosen.length} of ${modules.length} modules, ${formatCount(parameters)} parameters; ${formatCounted(batches, "song")} looked at in ${formatCounted(runs, "run")}`;
  const end = found.interrupted
    ? "stopped before the end: nothing was written"
    : `wrote ${output.path(file ?? "")}; \`acewright train\` takes it from there`;
  return [table + heat, sum, end].filter((line) => line !== "").join("\n");
}

const shades = "▁▂▃▄▅▆▇█";

/** One block a layer, as high as its gradient's norm. */
function heatLine(values: readonly number[]): string {
  const most = Math.max(...values);
  return values
    .map((value) => shades[Math.round((value / (most || 1)) * (shades.length - 1))] ?? "")
    .join("");
}
