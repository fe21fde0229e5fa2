import { resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { checkAdapterFit } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../../command.js";
import type { Context } from "../../command.js";

export function checkCommand(context: Context): Command {
  return leafCommand({
    name: "check",
    summary: "say on which models an adapter works: shapes, and the fingerprint it was trained on",
    examples: ["adapter check runs/first checkpoints/acestep-v15-turbo checkpoints/acestep-v15-base"],
    notes: "Only headers are read, so this takes no memory. Exit code 2 if it fits none of them.",
  })
    .argument("<adapter>", "a run, or an adapter's folder or file")
    .argument("<models...>", "folders of models")
    .action((adapter: string, models: string[], _options: object, command: Command) => {
      const output = outputOf(command, context);
      const fits = checkAdapterFit(
        resolve(adapter),
        models.map((model) => resolve(model)),
      );
      output.result(fits, () =>
        fits
          .map(({ model, modelVersion, verdict, problems, advice }) =>
            [
              `${output.path(model)} (${modelVersion}): ${verdict}`,
              `  ${advice}`,
              ...problems.slice(0, 3).map((problem) => `  ${problem}`),
              ...(problems.length > 3 ? [`  and ${problems.length - 3} more`] : []),
            ].join("\n"),
          )
          .join("\n"),
      );
      if (fits.every(({ verdict }) => verdict === "does-not-fit"))
        throw new AceError("ERR_CHECKPOINT", `${adapter}: fits none of these models`);
    });
}
