import { resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { layDown, toyFolders } from "../models/toy.js";
import { verifyModels } from "../models/verify.js";

export function modelsCommand(context: Context): Command {
  return new Command("models")
    .description("checkpoints: check a folder, or lay down the small toy model")
    .addCommand(verifyCommand(context))
    .addCommand(toyCommand(context));
}

function verifyCommand(context: Context): Command {
  return leafCommand({
    name: "verify",
    summary: "check that a folder of checkpoints is complete and sound",
    examples: ["models verify checkpoints", "models verify checkpoints/acestep-v15-turbo --json"],
    notes:
      "Headers, names and shapes are compared with each config.json; weights are not read, so it is quick.",
  })
    .argument("<dir>", "folder with acestep-v15-*, vae and Qwen3-Embedding-0.6B, or one acestep-v15-* folder")
    .action((dir: string, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const parts = verifyModels(resolve(dir));
      const faulty = parts.filter(({ problems }) => problems.length > 0);
      output.result({ ok: faulty.length === 0, parts }, () =>
        parts
          .flatMap(({ part, detail, problems }) =>
            problems.length === 0
              ? [`${output.colors.green("ok")}       ${part}: ${detail}`]
              : problems.map((problem) => `${output.colors.red("problem")}  ${part}: ${problem}`),
          )
          .join("\n"),
      );
      if (faulty.length > 0) {
        const names = faulty.map(({ part }) => part).join(", ");
        throw new AceError("ERR_CHECKPOINT", `${dir}: not usable (${names}); download these parts again`);
      }
    });
}

function toyCommand(context: Context): Command {
  return leafCommand({
    name: "toy",
    summary: "write the toy checkpoint: really trained, 2.7 M parameters, in the official layout",
    examples: ["models toy toy/checkpoints --songs toy/songs"],
    notes: "It sounds rough and is meant for trying things out and for tests, not for music.",
  })
    .argument("<dir>", "new or empty folder for the checkpoints")
    .option("--songs <dir>", "also write its three example songs with their captions there")
    .action((dir: string, options: { songs?: string }, command: Command) => {
      const output = outputOf(command, context);
      const toy = toyFolders();
      layDown(toy.checkpoints, resolve(dir));
      if (options.songs !== undefined) layDown(toy.songs, resolve(options.songs));
      const written = {
        checkpoints: resolve(dir),
        songs: options.songs === undefined ? null : resolve(options.songs),
      };
      output.result(
        written,
        () => `toy checkpoint: ${dir}${options.songs === undefined ? "" : `\nits songs: ${options.songs}`}`,
      );
    });
}
