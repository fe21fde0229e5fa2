import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { listRuns, readRun, removeRun } from "@acewright/trainer";
import { AceError } from "@acewright/core-native";
import { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { compareCommand } from "./runs/compare.js";
import { settingValue } from "../settings/values.js";
import { runPage, runsTable } from "./runs/run-page.js";

export function runsCommand(context: Context): Command {
  return new Command("runs")
    .description("what was trained: list runs, look at one, hold several against each other")
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(compareCommand(context))
    .addCommand(removeCommand(context));
}

function listCommand(context: Context): Command {
  return leafCommand({
    name: "list",
    summary: "the runs in a folder, newest first",
    examples: ["runs list", "runs list runs --json"],
    notes:
      "A run is `running`, `finished`, `interrupted` (stopped and saved), or `stopped`: its process died.",
  })
    .argument(
      "[dir]",
      "folder of runs, or one run; default: the setting runs, else ./runs where it exists, else this folder",
    )
    .action((given: string | undefined, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const dir = given ?? settingValue("runs").value ?? (existsSync("runs") ? "runs" : ".");
      const runs = listRuns(resolve(dir), (message) => {
        output.warn(message);
      });
      output.result(runs, () =>
        runs.length === 0 ? `no runs in ${dir}; name the folder that holds them` : runsTable(runs, output),
      );
    });
}

function showCommand(context: Context): Command {
  return leafCommand({
    name: "show",
    summary: "one run: where it stands, its curves, settings, checkpoints and songs",
    examples: ["runs show runs/first", "runs show runs/first --json"],
  })
    .argument("<run>", "run folder")
    .action((folder: string, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const run = readRun(resolve(folder));
      output.result(run, () => runPage(run, output));
    });
}

function removeCommand(context: Context): Command {
  return leafCommand({
    name: "remove",
    summary: "delete a run's folder with its adapters, checkpoints and songs",
    examples: ["runs remove runs/first --yes"],
  })
    .argument("<run>", "run folder")
    .option("--yes", "really delete it")
    .action((folder: string, { yes }: { yes?: true }, command: Command) => {
      const output = outputOf(command, context);
      const run = readRun(resolve(folder));
      if (yes !== true) {
        throw new AceError(
          "ERR_CONFIG",
          `${folder}: a ${run.status} run of ${run.step} steps would be deleted; add --yes to do it`,
        );
      }
      removeRun(run.folder);
      output.result({ removed: run.folder }, () => `removed: ${output.path(run.folder)}`);
    });
}
