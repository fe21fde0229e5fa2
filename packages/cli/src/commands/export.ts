import { resolve } from "node:path";
import { exportAdapter } from "@acewright/trainer";
import type { ExportOptions, ExportReport } from "@acewright/trainer";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { formatCount } from "../render/units.js";

interface ExportWords {
  format: ExportOptions["format"];
  output: string;
  which?: NonNullable<ExportOptions["which"]>;
  model?: string;
  check: boolean;
}

export function exportCommand(context: Context): Command {
  const command = leafCommand({
    name: "export",
    summary: "write a trained adapter in a layout that other programs load, and load it back",
    examples: [
      "export runs/first -f peft -o my-style",
      "export runs/kr -f lycoris -o my-style.safetensors",
      "export runs/first -f peft --which best -o my-style-best --json",
    ],
    notes: "LoRA and DoRA are PEFT folders, LoKr and LoHa LyCORIS files. Nothing that exists is overwritten.",
  })
    .argument("<run>", "a run, or an adapter's folder or file")
    .addOption(
      new Option("-f, --format <name>", "layout to write").choices(["peft", "lycoris"]).makeOptionMandatory(),
    )
    .requiredOption("-o, --output <path>", "new folder; for lycoris also a .safetensors file")
    .option("--which <name>", "final, best, or the step of a checkpoint; default: final", parseWhich)
    .option("-m, --model <dir>", "base model to load it into; default: the one it was trained on")
    .option("--no-check", "do not load the result into the base model");
  return command.action(async (run: string, words: ExportWords) => {
    const output = outputOf(command, context);
    const model = !words.check ? false : words.model === undefined ? undefined : resolve(words.model);
    const report = await exportAdapter(resolve(run), {
      format: words.format,
      output: resolve(words.output),
      ...(words.which === undefined ? {} : { which: words.which }),
      ...(model === undefined ? {} : { model }),
    });
    output.result(report, () => reportLines(report).join("\n"));
  });
}

function parseWhich(text: string): NonNullable<ExportOptions["which"]> {
  if (text === "final" || text === "best") return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected final, best or the number of a step.");
}

function reportLines(report: ExportReport): string[] {
  const { loaded } = report;
  const verdict =
    loaded === undefined
      ? "not loaded into a model"
      : `loaded into ${loaded.model}: ${loaded.matched.length} tensors matched, ${loaded.missing.length} missing, ${loaded.unexpected.length} unexpected`;
  return [
    `${report.format}: ${report.modules} modules, ${formatCount(report.parameters)} parameters`,
    ...report.files.map((file) => `written: ${file}`),
    verdict,
  ];
}
