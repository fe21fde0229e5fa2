import { resolve } from "node:path";
import { extractAdapter } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../../command.js";
import type { Context } from "../../command.js";
import { rankOptions, reducedLines, requiredChoice, withModuleBar } from "./rank-options.js";
import type { RankWords } from "./rank-options.js";

export function extractCommand(context: Context): Command {
  const command = leafCommand({
    name: "extract",
    summary: "make a LoRA of the difference of two models, e.g. of a full fine-tune",
    examples: ["adapter extract checkpoints/acestep-v15-base checkpoints/my-tune --rank 64 -o my-tune-lora"],
    notes:
      "What a LoRA cannot hold (norms, embeddings, other rooms of the model) is listed, not lost in silence.",
  })
    .argument("<base>", "model the LoRA is for")
    .argument("<tuned>", "model it shall become")
    .requiredOption("-o, --output <dir>", "new folder");
  return rankOptions(command).action(
    async (base: string, tuned: string, words: RankWords & { output: string }) => {
      const output = outputOf(command, context);
      const result = await withModuleBar(output, context.signal, (listening) =>
        extractAdapter(resolve(base), resolve(tuned), {
          output: resolve(words.output),
          choice: requiredChoice(words),
          ...listening,
        }),
      );
      if (result.otherDifferences.length > 0)
        output.warn(
          `${result.otherDifferences.length} tensors differ that a LoRA cannot hold, the first is ${result.otherDifferences[0] ?? ""}`,
        );
      output.result(result, () => reducedLines(result, output));
    },
  );
}
