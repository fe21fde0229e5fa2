import { existsSync } from "node:fs";
import { join } from "node:path";
import { readRunConfig, suggestSettings, withSettings, withSettingsOf } from "@acewright/trainer";
import type { SuggestedChoice, TrainConfigInput } from "@acewright/trainer";
import type { Command } from "commander";
import { automatic } from "./config-words.js";
import type { Output } from "./output.js";
import { renderTable } from "./render/table.js";

/**
 * The configuration with what `--preset auto` chooses, told one by one. A run that exists already keeps what was chosen for
 * it.
 */
export async function withAutomatic(
  command: Command,
  config: TrainConfigInput,
  output: Output,
): Promise<TrainConfigInput> {
  if (command.opts<{ preset?: string }>().preset !== automatic) return config;
  if (existsSync(join(config.output, "config.json"))) {
    output.say("preset auto: the run's own settings are kept");
    return withSettingsOf(readRunConfig(config.output), config);
  }
  const { settings, choices } = await suggestSettings(config);
  output.say(`preset auto\n${choicesTable(choices)}`);
  return withSettings(config, settings);
}

/** Setting, value and reason, a line each. */
export function choicesTable(choices: readonly SuggestedChoice[]): string {
  const rows = choices.map(({ setting, value, why }) => [`  ${setting}`, String(value), why]);
  return renderTable([{ title: "" }, { title: "" }, { title: "" }], rows).replace(/^\s*\n/, "");
}
