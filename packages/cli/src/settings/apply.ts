import type { Command, Option } from "commander";
import type { SettingKey } from "./schema.js";
import { settingValues } from "./values.js";

const taken = new WeakMap<Option, SettingKey>();

/** Lets an option be what a setting says where the line does not give it. */
export function takesSetting(option: Option, key: SettingKey): Option {
  taken.set(option, key);
  return option;
}

/** These work with a settings file that is broken: they mend it, or a shell reads them at its start. */
const withoutSettings = ["settings", "completion", "config"];

/**
 * Gives a command's options what the environment or the settings file say, unless the line says otherwise.
 *
 * @throws {AceError} for a settings file or a variable that is wrong.
 */
export function applySettings(command: Command): void {
  if (withoutSettings.includes(command.name()) || withoutSettings.includes(command.parent?.name() ?? ""))
    return;
  const values = new Map(settingValues().map((setting) => [setting.key, setting]));
  for (const option of command.options) {
    const key = taken.get(option);
    const setting = key === undefined ? undefined : values.get(key);
    if (setting === undefined || setting.from === "default" || setting.from === "unset") continue;
    const name = option.attributeName();
    const source = command.getOptionValueSource(name);
    if (source !== undefined && source !== "default") continue;
    command.setOptionValueWithSource(name, setting.value, setting.from === "environment" ? "env" : "config");
  }
}
