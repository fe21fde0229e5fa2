import { schemaNode, trainConfigSchema } from "@acewright/trainer";
import { Argument, Command } from "commander";
import { leafCommand } from "../command.js";
import type { Context } from "../command.js";
import { SettingsFile } from "../settings/schema.js";

export function configCommand(context: Context): Command {
  return new Command("config")
    .description("the training configuration as a file")
    .addCommand(schemaCommand(context));
}

function schemaCommand({ terminal }: Context): Command {
  return leafCommand({
    name: "schema",
    summary: "print the JSON schema of a file, for editors that complete and check it",
    examples: ["config schema", "config schema --json", "config schema settings"],
    notes:
      "training: what --config takes; settings: what `settings path` names. Draft 2020-12. --json prints it on one line.",
  })
    .addArgument(new Argument("[file]", "whose schema").choices(["training", "settings"]).default("training"))
    .action((file: string, { json }: { json?: true }) => {
      const schema = file === "settings" ? schemaNode(SettingsFile) : trainConfigSchema();
      terminal.out(`${JSON.stringify(schema, null, json === true ? 0 : 2)}\n`);
    });
}
