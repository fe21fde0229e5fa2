import { Command } from "commander";
import type { Context } from "./command.js";
import { benchCommand } from "./commands/bench.js";
import { compareCommand } from "./commands/compare.js";
import { adapterCommand } from "./commands/adapter.js";
import { completionCommand } from "./commands/completion.js";
import { configCommand } from "./commands/config.js";
import { datasetCommand } from "./commands/dataset.js";
import { doctorCommand } from "./commands/doctor.js";
import { estimateCommand } from "./commands/estimate.js";
import { exportCommand } from "./commands/export.js";
import { findLrCommand } from "./commands/find-lr.js";
import { generateCommand } from "./commands/generate.js";
import { modelsCommand } from "./commands/models.js";
import { planCommand } from "./commands/plan.js";
import { preprocessCommand } from "./commands/preprocess.js";
import { presetsCommand } from "./commands/presets.js";
import { runCommand } from "./commands/run.js";
import { runsCommand } from "./commands/runs.js";
import { settingsCommand } from "./commands/settings.js";
import { studioCommand } from "./commands/studio.js";
import { tensorsCommand } from "./commands/tensors.js";
import { trainCommand } from "./commands/train.js";
import { packageVersion } from "./package-version.js";
import { applySettings } from "./settings/apply.js";

/** The whole command tree, ready to parse one command line. */
export function acewrightProgram(context: Context): Command {
  const program = new Command("acewright")
    .description("Fine-tune the ACE-Step 1.5 music model: songs in, adapter and audio out.")
    .addHelpText("after", "\nAlone on a terminal, `acewright` asks what shall be done: the wizard.")
    .version(packageVersion(), "-V, --version", "print the version")
    .addCommand(doctorCommand(context))
    .addCommand(modelsCommand(context))
    .addCommand(datasetCommand(context))
    .addCommand(preprocessCommand(context))
    .addCommand(tensorsCommand(context))
    .addCommand(planCommand(context))
    .addCommand(estimateCommand(context))
    .addCommand(findLrCommand(context))
    .addCommand(benchCommand(context))
    .addCommand(trainCommand(context))
    .addCommand(generateCommand(context))
    .addCommand(compareCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(adapterCommand(context))
    .addCommand(runCommand(context))
    .addCommand(runsCommand(context))
    .addCommand(studioCommand(context))
    .addCommand(presetsCommand(context))
    .addCommand(settingsCommand(context))
    .addCommand(configCommand(context))
    .hook("preAction", (_program, command) => {
      applySettings(command);
    });
  program.addCommand(completionCommand(context, program));
  speakThrough(program, context);
  return program;
}

/** What the command's help clears up, in commander's words. */
const helpTells = [
  "commander.missingArgument",
  "commander.missingMandatoryOptionValue",
  "commander.optionMissingArgument",
  "commander.unknownOption",
  "commander.unknownCommand",
  "commander.excessArguments",
];

/** Commander neither prints errors nor ends the process: main() does both, once. */
function speakThrough(command: Command, context: Context, path = command.name()): void {
  command
    .exitOverride((error) => {
      // A misspelling that commander knows how to mend needs no more words.
      const isMended = error.message.includes("(Did you mean ");
      if (helpTells.includes(error.code) && !isMended)
        error.message = `${error.message.replace(/[.]$/, "")}; \`${path} --help\` shows how`;
      throw error;
    })
    .configureOutput({
      writeOut: (text) => {
        context.terminal.out(text);
      },
      writeErr: (text) => {
        context.terminal.err(text);
      },
      outputError: () => undefined,
      getOutHelpWidth: () => context.terminal.columns,
      getErrHelpWidth: () => context.terminal.columns,
    })
    .helpCommand(false);
  for (const child of command.commands) speakThrough(child, context, `${path} ${child.name()}`);
}
