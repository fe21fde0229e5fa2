import { resolve } from "node:path";
import { adapterFormats, exportAdapter } from "@acewright/trainer";
import type { ExportOptions, ExportReport } from "@acewright/trainer";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { layoutLines } from "../export-layouts.js";
import { renderTable } from "../render/table.js";
import { formatCount } from "../render/units.js";
import { parseRank } from "./adapter/rank-options.js";

interface ExportWords {
  format: ExportOptions["format"];
  output: string;
  which?: NonNullable<ExportOptions["which"]>;
  model?: string;
  check: boolean;
  asLora?: number;
  prefix?: string;
  strength?: number;
}

export function exportCommand(context: Context): Command {
  const command = leafCommand({
    name: "export",
    summary: "write a trained adapter in a layout that other programs load, and load it back",
    examples: [
      "export runs/first -f peft -o my-style",
      "export runs/first -f comfyui -o my-style.safetensors",
      "export runs/kr -f diffusers --as-lora 64 -o my-style",
      "export runs/first -f merged -o my-model --json",
    ],
    notes: `${layoutLines()}
The source may be in any of these layouts too. Nothing that exists is overwritten, but for a file that -o names.`,
  })
    .argument("<run>", "a run, or an adapter's folder or file")
    .addOption(
      new Option("-f, --format <name>", "layout to write").choices([...adapterFormats]).makeOptionMandatory(),
    )
    .requiredOption("-o, --output <path>", "new folder; but for peft and merged also a .safetensors file")
    .option("--which <name>", "final, best, or the step of a checkpoint; default: final", parseWhich)
    .option("-m, --model <dir>", "base model to load it into; default: the one it was trained on")
    .option("--no-check", "do not load the result into the base model")
    .option("--as-lora <rank>", "write the nearest plain LoRA of this rank, and tell its error", parseRank)
    .option(
      "--prefix <name>",
      "comfyui: native, generic, or what shall stand before each name; default: native",
    )
    .option("--strength <number>", "merged: multiplies the adapter's change; default: 1", parseStrength);
  return command.action(async (run: string, words: ExportWords) => {
    const output = outputOf(command, context);
    const model = words.model === undefined ? undefined : resolve(words.model);
    const bar = output.progress("export", words.format === "merged" ? "tensor" : "module");
    const report = await exportAdapter(resolve(run), {
      format: words.format,
      output: resolve(words.output),
      ...(words.which !== undefined && { which: words.which }),
      ...(words.asLora !== undefined && { asLora: words.asLora }),
      ...(words.prefix !== undefined && { prefix: words.prefix }),
      ...(words.strength !== undefined && { strength: words.strength }),
      ...(model !== undefined && { model }),
      ...(!words.check && { check: false }),
      onProgress: (done, of) => {
        bar.update(done, of);
      },
    });
    bar.clear();
    output.result(report, () => reportLines(report).join("\n"));
  });
}

function parseStrength(text: string): number {
  const strength = Number(text);
  if (text.trim() !== "" && Number.isFinite(strength)) return strength;
  throw new InvalidArgumentError("expected a number.");
}

function parseWhich(text: string): NonNullable<ExportOptions["which"]> {
  if (text === "final" || text === "best") return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected final, best or the number of a step.");
}

function reportLines(report: ExportReport): string[] {
  const { loaded, relativeError, survival } = report;
  const verdict =
    loaded === undefined
      ? "not loaded into a model"
      : `loaded into ${loaded.model}: ${loaded.matched.length} tensors matched, ${loaded.missing.length} missing, ${loaded.unexpected.length} unexpected`;
  return [
    `${report.format}: ${report.modules} modules, ${formatCount(report.parameters)} parameters`,
    ...(relativeError === undefined
      ? []
      : [`as a LoRA: ${(100 * relativeError).toPrecision(3)} % of the change is lost`]),
    ...report.files.map((file) => `written: ${file}`),
    ...(survival === undefined ? [verdict] : survivalLines(survival)),
    `scale: ${report.plays}`,
  ];
}

/** Modules that lost most come first. */
function survivalLines(survival: NonNullable<ExportReport["survival"]>): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const worst = [...survival].sort((a, b) => b.noise - a.noise).slice(0, 8);
  const mean = survival.reduce((sum, { kept }) => sum + kept, 0) / Math.max(1, survival.length);
  return [
    `of the adapter's change ${percent(mean)} is left after rounding, on average; most rounding noise:`,
    renderTable(
      [{ title: "module" }, { title: "kept", align: "right" }, { title: "noise", align: "right" }],
      worst.map(({ name, kept, noise }) => [name, percent(kept), percent(noise)]),
    ),
  ];
}
