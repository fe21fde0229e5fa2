import { trainConfigSchema } from "@acewright/trainer";
import { Command } from "commander";
import { leafCommand } from "../command.js";
import type { Context } from "../command.js";

export function configCommand(context: Context): Command {
  return new Command("config")
    .description("the training configuration as a file")
    .addCommand(schemaCommand(context));
}

function schemaCommand({ terminal }: Context): Command {
  return leafCommand({
    name: "schema",
    summary: "print the JSON schema of --config files, for editors that complete and check them",
    examples: ["config schema", "config schema --json"],
    notes: "Draft 2020-12. --json prints it on one line.",
  }).action(({ json }: { json?: true }) => {
    terminal.out(`${JSON.stringify(trainConfigSchema(), null, json === true ? 0 : 2)}\n`);
  });
}
