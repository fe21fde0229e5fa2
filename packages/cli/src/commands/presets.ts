import { basename, resolve } from "node:path";
import {
  deletePreset,
  findPreset,
  listPresets,
  presetName,
  readPreset,
  readRunConfig,
  savePreset,
  withoutFolders,
  writePreset,
} from "@acewright/trainer";
import type { FoundPreset } from "@acewright/trainer";
import { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { renderTable } from "../render/table.js";

export function presetsCommand(context: Context): Command {
  return new Command("presets")
    .description("settings to begin a training from: the built-in ones and your own")
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(saveCommand(context))
    .addCommand(importCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(removeCommand(context));
}

function listCommand(context: Context): Command {
  return leafCommand({
    name: "list",
    summary: "every preset that --preset takes, and where it comes from",
    examples: ["presets list", "presets list --json"],
    notes: "Searched in this order: ./presets, your settings folder, the built-in ones.",
  }).action((_options: object, command: Command) => {
    const output = outputOf(command, context);
    const found = listPresets((message) => {
      output.warn(message);
    });
    output.result(found, () =>
      renderTable(
        [{ title: "preset" }, { title: "from", wraps: true }, { title: "what for", wraps: true }],
        found.map(({ preset, file }) => [
          preset.name,
          file === undefined ? "built in" : output.path(file),
          preset.description,
        ]),
        output.cells,
      ),
    );
  });
}

function showCommand(context: Context): Command {
  return leafCommand({
    name: "show",
    summary: "the settings of one preset",
    examples: ["presets show recommended", "presets show vram_8gb --json"],
  })
    .argument("<name>", "preset")
    .action((name: string, _options: object, command: Command) => {
      const found = findPreset(name);
      outputOf(command, context).result(found, () => wordsOf(found));
    });
}

function wordsOf({ preset, file }: FoundPreset): string {
  const head = [`${preset.name} (${file ?? "built in"})`, preset.description].filter((line) => line !== "");
  return `${head.join("\n")}\n${JSON.stringify(preset.config, null, 2)}`;
}

function saveCommand(context: Context): Command {
  return leafCommand({
    name: "save",
    summary:
      "keep the settings of a run as a preset of your own, without its folders, device and trigger word",
    examples: ["presets save my_style --run runs/first", "presets save my_style --run runs/first --replace"],
  })
    .argument("<name>", "name of the preset")
    .requiredOption("--run <dir>", "run whose settings are kept")
    .option("--description <text>", "one line for the list", "")
    .option("--replace", "take the place of a preset of this name")
    .action(
      (
        name: string,
        { run, description, replace }: { run: string; description: string; replace?: true },
        command: Command,
      ) => {
        const output = outputOf(command, context);
        const config = withoutFolders(readRunConfig(resolve(run)));
        const file = savePreset({ name, description, config }, { replace: replace === true });
        output.result({ saved: file }, () => `saved: ${output.path(file)}`);
      },
    );
}

function importCommand(context: Context): Command {
  return leafCommand({
    name: "import",
    summary: "take a preset from a JSON file, ours or Side-Step's",
    examples: ["presets import my_style.json", "presets import my_style.json --name ours --replace"],
    notes:
      "Of a Side-Step preset what means the same is taken over; other keys and values are named and dropped.",
  })
    .argument("<file>", "JSON file of at most 1 MiB")
    .option("--name <name>", "name of the preset; default: the file's")
    .option("--replace", "take the place of a preset of this name")
    .action((path: string, words: { name?: string; replace?: true }, command: Command) => {
      const output = outputOf(command, context);
      const name = presetName(words.name ?? basename(path).replace(/[.]json$/i, ""));
      const { preset, dropped } = readPreset(resolve(path), name);
      for (const key of dropped) output.warn(`dropped: ${key}`);
      const file = savePreset(preset, { replace: words.replace === true });
      output.result({ saved: file, dropped }, () => `saved: ${output.path(file)}`);
    });
}

function exportCommand(context: Context): Command {
  return leafCommand({
    name: "export",
    summary: "write a preset to a file that `presets import` takes",
    examples: ["presets export vram_8gb my_8gb.json"],
  })
    .argument("<name>", "preset")
    .argument("<file>", "JSON file to write")
    .action((name: string, path: string, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const file = resolve(path);
      writePreset(findPreset(name).preset, file);
      output.result({ written: file }, () => `written: ${output.path(file)}`);
    });
}

function removeCommand(context: Context): Command {
  return leafCommand({
    name: "remove",
    summary: "delete a preset of your own",
    examples: ["presets remove my_style"],
  })
    .alias("delete")
    .argument("<name>", "preset; the built-in ones stay")
    .action((name: string, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const file = deletePreset(name);
      output.result({ removed: file }, () => `removed: ${output.path(file)}`);
    });
}
