import { resolve } from "node:path";
import { resizeAdapter } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../../command.js";
import type { Context } from "../../command.js";
import { rankOptions, reducedLines, requiredChoice, withModuleBar } from "./rank-options.js";
import type { RankWords } from "./rank-options.js";

interface Words extends RankWords {
  output: string;
  model?: string;
}

export function resizeCommand(context: Context): Command {
  const command = leafCommand({
    name: "resize",
    summary: "write the best approximation of an adapter at another rank (SVD)",
    examples: [
      "adapter resize runs/first --rank 32 -o first-32",
      "adapter resize runs/first --energy 0.99 -o first-small --json",
    ],
    notes: "A LoRA stays one, a DoRA keeps its magnitudes, LoKr and LoHa become LoRAs.",
  })
    .argument("<adapter>", "a run, or an adapter's folder or file")
    .requiredOption("-o, --output <dir>", "new folder")
    .option("-m, --model <dir>", "model it was trained on; needed for a weight-decomposed LoKr or LoHa");
  return rankOptions(command).action(async (adapter: string, words: Words) => {
    const output = outputOf(command, context);
    const result = await withModuleBar(output, context.signal, (listening) =>
      resizeAdapter(resolve(adapter), {
        output: resolve(words.output),
        choice: requiredChoice(words),
        ...(words.model !== undefined && { model: resolve(words.model) }),
        ...listening,
      }),
    );
    output.result(result, () => reducedLines(result, output));
  });
}
