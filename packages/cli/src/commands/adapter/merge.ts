import { resolve } from "node:path";
import { mergeAdapters } from "@acewright/trainer";
import type { AdapterUse } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../../command.js";
import type { Context } from "../../command.js";
import { gatherAdapter } from "../generate.js";
import { rankChoice, rankOptions, reducedLines, withModuleBar } from "./rank-options.js";
import type { RankWords } from "./rank-options.js";

interface Words extends RankWords {
  output: string;
  model?: string;
}

export function mergeCommand(context: Context): Command {
  const command = leafCommand({
    name: "merge",
    summary: "make one LoRA that does what several adapters do together",
    examples: [
      "adapter merge runs/voice:0.7 runs/drums:0.5 -o both",
      "adapter merge runs/kr:1 runs/first:0.5 --rank 64 -o both",
    ],
    notes:
      "LoRAs add up exactly, at the sum of their ranks. Where a LoKr, LoHa or DoRA is among them, or the result shall be\nthinner, say --rank or --energy: the best approximation is written, and its error told.",
  })
    .argument("<adapters...>", "run, folder or file, with :WEIGHT where it is not 1")
    .requiredOption("-o, --output <dir>", "new folder")
    .option("-m, --model <dir>", "model they were trained on; needed for DoRA");
  return rankOptions(command).action(async (adapters: string[], words: Words) => {
    const output = outputOf(command, context);
    const choice = rankChoice(words);
    const gathered = adapters.reduce<readonly AdapterUse[]>(
      (before, text) => gatherAdapter(text, before),
      [],
    );
    const parts = gathered.map(({ path, scale }) => ({ path, weight: scale }));
    const result = await withModuleBar(output, context.signal, (listening) =>
      mergeAdapters(parts, {
        output: resolve(words.output),
        ...(choice && { choice }),
        ...(words.model !== undefined && { model: resolve(words.model) }),
        ...listening,
      }),
    );
    output.result(result, () => reducedLines(result, output));
  });
}
