import { resolve } from "node:path";
import { formatBytes } from "@acewright/core-native";
import { inspectAdapter } from "@acewright/trainer";
import type { AdapterSummary } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../../command.js";
import type { Context } from "../../command.js";
import type { Output } from "../../output.js";
import { formatCount } from "../../render/units.js";

export function inspectCommand(context: Context): Command {
  return leafCommand({
    name: "inspect",
    summary: "say what an adapter is: kind, rank, scale, origin, and how much it changes each layer",
    examples: ["adapter inspect runs/first", "adapter inspect someones-style.safetensors --json"],
    notes: "Reads PEFT, LyCORIS, ComfyUI, diffusers and bare files. Nothing in them is executed.",
  })
    .argument("<adapter>", "a run, or an adapter's folder or file")
    .action((path: string, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const summary = inspectAdapter(resolve(path));
      if (summary.allZero) output.warn("every module's change is zero: this adapter does nothing");
      output.result(summary, () => page(summary, output));
    });
}

function page(summary: AdapterSummary, output: Output): string {
  const { metadata, scale, modules } = summary;
  const ranks = [...new Set(modules.map(({ rank }) => rank))].sort((a, b) => a - b);
  const most = Math.max(...summary.layerNorms);
  const bar = (norm: number) => "█".repeat(most === 0 ? 0 : Math.round((30 * norm) / most));
  const facts: [string, string | undefined][] = [
    ["file", `${output.path(summary.file)} (${formatBytes(summary.bytes)})`],
    [
      "kind",
      `${summary.kind}${summary.weightDecomposed && summary.kind !== "dora" ? ", weight-decomposed" : ""}`,
    ],
    ["rank", ranks.join(", ")],
    [
      "scale",
      `${scale.least === scale.most ? scale.least.toPrecision(3) : `${scale.least.toPrecision(3)} to ${scale.most.toPrecision(3)}`} (${scale.from === "nothing" ? "the file does not say: 1, as every client takes it" : `from ${scale.from}`})`,
    ],
    ["modules", `${modules.length}, ${formatCount(summary.parameters)} parameters`],
    ["names", `${summary.prefix}${modules[0]?.name ?? ""} …`],
    ["trigger", metadata.trigger],
    ["trained on", metadata.base_model],
    ["fingerprint", metadata.base_model_fingerprint?.slice(0, 16)],
    ["dataset", metadata.dataset_hash?.slice(0, 16)],
    ["steps", metadata.step],
    ["made by", metadata.made_by],
    [
      "without a place",
      summary.unexpected.length === 0
        ? undefined
        : `${summary.unexpected.length} tensors, the first is ${summary.unexpected[0] ?? ""}`,
    ],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== "");
  return [
    ...known.map(([name, value]) => `${name.padEnd(16)}${printable(value)}`),
    "",
    "change by layer (Frobenius norm)",
    ...summary.layerNorms.map((norm, layer) =>
      `${String(layer).padStart(3)}  ${norm.toPrecision(3).padStart(9)}  ${bar(norm)}`.trimEnd(),
    ),
  ].join("\n");
}

/** A stranger's strings may not move the cursor. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
