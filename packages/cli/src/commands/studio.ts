import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { gather } from "../gather.js";
import { takesSetting } from "../settings/apply.js";
import { formatCounted } from "../render/units.js";

interface StudioWords {
  port: number;
  models: string;
  allowRoot?: string[];
}

export function studioCommand(context: Context): Command {
  const command = leafCommand({
    name: "studio",
    summary: "the local web page: songs, training and listening, in a browser of this machine",
    examples: ["studio", "studio my-project --models checkpoints", "studio --port 0 --allow-root /music"],
    notes:
      "The page answers this machine alone, by the link printed at the start. Of another machine: forward the port\n" +
      "(ssh -L 4747:127.0.0.1:4747 HOST) and open the same link. What the page starts goes on when it is closed,\n" +
      "and when the studio is; Ctrl-C closes the studio.",
  });
  return command
    .argument("[folder]", "what the page shows and writes into", ".")
    .addOption(
      takesSetting(
        new Option("--models <dir>", "folder of checkpoints").default(
          "checkpoints",
          "the setting models, else checkpoints",
        ),
        "models",
      ),
    )
    .option("--port <number>", "port to listen on; 0: any that is free", parsePort, 4747)
    .option(
      "--allow-root <dir>",
      "folder besides it that the page may use, such as where songs lie (repeatable)",
      gather,
    )
    .action(async (folder: string, { port, models, allowRoot = [] }: StudioWords) => {
      const output = outputOf(command, context);
      // Loaded only here: every other command starts without a server.
      const { openStudio } = await import("../studio/open-studio.js");
      const studio = await openStudio({
        folder: resolve(folder),
        models: resolve(models),
        allowRoots: allowRoot,
        port,
      });
      output.result({ url: studio.url }, () => `studio: ${studio.url}\nCtrl-C closes it`);
      await new Promise<void>((done) => {
        if (context.signal.aborted) done();
        context.signal.addEventListener("abort", () => {
          done();
        });
      });
      const left = studio.jobs.list().filter(({ status }) => status === "running").length;
      await studio.close();
      if (left > 0)
        output.say(`${formatCounted(left, "job")} ${left === 1 ? "goes" : "go"} on without the studio`);
    });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535)
    throw new InvalidArgumentError("expected a number from 0 to 65535");
  return port;
}
