import { statSync } from "node:fs";
import { AceError } from "@acewright/core-native";
import { nearestName } from "@acewright/trainer";
import { Argument, Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { renderTable } from "../render/table.js";
import { factsOf } from "../settings/facts.js";
import { clearSettings, readSettings, settingsPath, writeSettings } from "../settings/file.js";
import { isSetting, settingKeys } from "../settings/schema.js";
import type { SettingKey } from "../settings/schema.js";
import { refuseSecret } from "../settings/secrets.js";
import { settingFromText, settingValue, settingValues } from "../settings/values.js";

export function settingsCommand(context: Context): Command {
  return new Command("settings")
    .description("what commands take on this machine where a line does not say it; never a key")
    .addCommand(showCommand(context))
    .addCommand(getCommand(context))
    .addCommand(setCommand(context))
    .addCommand(clearCommand(context))
    .addCommand(pathCommand(context));
}

const order = "A flag wins over the environment, that over the settings file, that over the default.";

function showCommand(context: Context): Command {
  return leafCommand({
    name: "show",
    summary: "every setting, its value and where that comes from",
    examples: ["settings show", "settings show --json"],
    notes: `${order} In a training, --config and --preset win over settings too.`,
  }).action((_options: object, command: Command) => {
    const output = outputOf(command, context);
    const values = settingValues();
    const rows = values.map((setting) => ({ ...setting, ...aboutOf(setting.key) }));
    output.result({ file: settingsPath(), settings: rows }, () =>
      renderTable(
        [
          { title: "setting" },
          { title: "value", wraps: true },
          { title: "from" },
          { title: "what for", wraps: true },
        ],
        rows.map(({ key, value, from, variable, about }) => [
          key,
          shown(value),
          from === "environment" ? variable : from,
          about,
        ]),
        output.cells,
      ),
    );
  });
}

function aboutOf(key: SettingKey): { variable: string; about: string } {
  const { variable, about } = factsOf(key);
  return { variable, about };
}

function getCommand(context: Context): Command {
  return leafCommand({
    name: "get",
    summary: "the value of one setting",
    examples: ["settings get models", "settings get threads --json"],
  })
    .addArgument(keyArgument("<key>"))
    .action((name: string, _options: object, command: Command) => {
      const { key, value, from } = settingValue(knownKey(name));
      outputOf(command, context).result({ key, value: value ?? null, from }, () => shown(value));
    });
}

function setCommand(context: Context): Command {
  return leafCommand({
    name: "set",
    summary: "keep a setting for every command of this user",
    examples: [
      "settings set models checkpoints",
      "settings set notify desktop,bell",
      "settings set endpoint https://hf-mirror.example",
    ],
    notes: `${order}\nKeys and tokens are refused: they are read from the environment alone.`,
  })
    .addArgument(keyArgument("<key>"))
    .argument("<value>", "its value; several ones with commas between; a folder is kept with its whole path")
    .action((name: string, text: string, _options: object, command: Command) => {
      const output = outputOf(command, context);
      refuseSecret(name, text);
      const facts = factsOf(knownKey(name));
      const value = settingFromText(facts, text);
      const missing = facts.isFolder && isMissingFolder(facts.key, String(value));
      // The one that is set may be what was wrong with the file.
      const others = readSettings(settingsPath(), [facts.key]);
      writeSettings({ ...others, [facts.key]: value });
      const now = settingValue(facts.key);
      output.result({ key: facts.key, value, file: settingsPath() }, () => `${facts.key}: ${shown(value)}`);
      if (now.from === "environment") output.warn(`${facts.variable} is set and wins over it`);
      if (missing)
        output.warn(`${String(value)} does not exist yet; ${makers[facts.key] ?? "make it first"}`);
    });
}

/** What makes the folder that a setting names. */
const makers: { readonly [Key in SettingKey]?: string } = {
  models: "`acewright models download` makes it",
  runs: "`acewright train` makes it",
};

/** @throws {AceError} ERR_CONFIG for a file, which never becomes a folder. */
function isMissingFolder(key: SettingKey, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === false)
    throw new AceError("ERR_CONFIG", `${key}: ${path} is a file, a folder is needed`);
  return there === undefined;
}

function clearCommand(context: Context): Command {
  return leafCommand({
    name: "clear",
    summary: "forget some settings, or all of them",
    examples: ["settings clear threads", "settings clear"],
    notes: "Works with a file that is broken, too.",
  })
    .addArgument(keyArgument("[keys...]"))
    .action((keys: string[], _options: object, command: Command) => {
      const output = outputOf(command, context);
      const cleared = clearSettings(keys.length === 0 ? "all" : keys);
      for (const key of keys) if (cleared?.includes(key) === false) knownKey(key);
      output.result({ cleared: cleared ?? "all", file: settingsPath() }, () =>
        cleared === undefined
          ? "all settings are forgotten"
          : `forgotten: ${cleared.length === 0 ? "nothing, it was not set" : cleared.join(", ")}`,
      );
    });
}

function pathCommand(context: Context): Command {
  return leafCommand({
    name: "path",
    summary: "where the settings file lies, or would",
    examples: ["settings path"],
  }).action((_options: object, command: Command) => {
    const path = settingsPath();
    outputOf(command, context).result({ path }, () => path);
  });
}

/** Its choices are for completion and the help; the refusal of others is our own. */
function keyArgument(name: string): Argument {
  const argument = new Argument(name, "name of a setting").choices(settingKeys);
  return argument.argParser((text, before: unknown) =>
    argument.variadic ? [...((before as string[] | undefined) ?? []), text] : text,
  );
}

/** @throws {AceError} ERR_CONFIG for a name that is no setting. */
function knownKey(name: string): SettingKey {
  if (isSetting(name)) return name;
  const nearest = nearestName(name, settingKeys);
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw new AceError("ERR_CONFIG", `${name}: is no setting${hint}; there are ${settingKeys.join(", ")}`);
}

function shown(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "-";
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}
