import { basename, join, resolve } from "node:path";
import { AceError, notJson, readUserText } from "@acewright/core-native";
import { findPreset, parseConfig, readRunConfig, TrainConfig, withPreset } from "@acewright/trainer";
import type { BenchmarkConfig, TrainConfigInput } from "@acewright/trainer";
import type { Command } from "commander";
import { modelOption } from "./command.js";
import { freeName } from "./free-name.js";
import { givenOptions, optionsFromSchema } from "./options-from-schema.js";
import { settingValue } from "./settings/values.js";

/** Taken by `train` and `plan` as words of their own, not as derived flags. */
const choice = { omit: ["tensors", "model", "output", "environment"] };

interface ConfigWords {
  output?: string;
  model: string;
  config?: string;
  preset?: string;
  resume?: boolean | "if-possible";
}

/** Gives a command every flag of a training configuration, and the ways to bring a whole one. */
export function trainingOptions(command: Command): Command {
  command
    .option("-o, --output <dir>", "run folder to write")
    .addOption(modelOption())
    .option("--config <file>", "JSON file with settings, e.g. a run's config.json; flags win over it")
    .option(
      "--preset <name>",
      "settings to begin from, file and flags win over it; auto: chosen for this device's memory and these songs",
    );
  return optionsFromSchema(command, TrainConfig, choice);
}

/**
 * The configuration a command line asks for: settings of this machine, then preset, then file, then flags. Checked by whoever
 * takes it.
 *
 * @throws {AceError} ERR_FILE, ERR_CONFIG for a file or a preset that is none
 */
export function trainingConfig(command: Command, folder: string | undefined): TrainConfigInput {
  return givenConfig(command, folder, mustBeGiven) as TrainConfigInput;
}

/** {@link trainingConfig} where songs may be missing, and a run folder is not asked for: nothing is trained. */
export function songlessConfig(command: Command, folder: string | undefined): BenchmarkConfig {
  return givenConfig(command, folder, {}) as BenchmarkConfig;
}

function givenConfig(
  command: Command,
  folder: string | undefined,
  needed: Readonly<Record<string, string>>,
): object {
  const { tensors, ...words } = foldersOf(command.opts<ConfigWords>(), folder);
  const own = {
    ...(tensors === undefined ? {} : { tensors: resolve(tensors) }),
    ...(command.getOptionValueSource("model") === "cli" ? { model: resolve(words.model) } : {}),
    ...(words.output === undefined ? {} : { output: resolve(words.output) }),
  };
  const flags = { ...givenOptions(command, TrainConfig, { ...choice, by: ["cli"] }), ...own };
  const file = fileConfig(words);
  const config = merged(file, flags);
  const complete: Record<string, unknown> = {
    model: resolve(words.model),
    ...givenOptions(command, TrainConfig, { ...choice, by: ["env", "config"] }),
    ...defaultKind(
      words.preset === undefined || words.preset === automatic
        ? config
        : withPreset(findPreset(words.preset).preset, config),
    ),
  };
  complete["output"] ??= newRunFolder(words, complete["tensors"]);
  if (words.resume === true && words.output === undefined)
    throw new AceError(
      "ERR_CONFIG",
      "the run to go on with is missing; name its folder: `acewright train --resume RUN`",
    );
  for (const [key, how] of Object.entries(needed)) {
    if (complete[key] === undefined) throw new AceError("ERR_CONFIG", `${key} is missing; ${how}`);
  }
  if (words.config !== undefined) blameFile(words.config, file, complete);
  return complete;
}

/** Where the settings cannot be taken and the file's alone cannot either, the fault is told under the file's name. */
function blameFile(path: string, file: object, complete: object): void {
  try {
    parseConfig({ tensors: ".", output: ".", ...complete });
  } catch {
    parseConfig({ tensors: ".", model: ".", output: ".", ...defaultKind({ ...file }) }, path);
  }
}

/** A run that is resumed brings its own tensors: `train --resume runs/first` names the run. */
function foldersOf(words: ConfigWords, folder: string | undefined): ConfigWords & { tensors?: string } {
  if (folder === undefined) return words;
  return words.resume === true && words.output === undefined
    ? { ...words, output: folder }
    : { ...words, tensors: folder };
}

/** The preset that is none: its settings come from the device's memory and the songs. */
export const automatic = "auto";

const mustBeGiven = {
  tensors: "name the folder that `acewright preprocess` wrote",
  output:
    "name the run folder with --output DIR, or a folder for all runs with `acewright settings set runs DIR`",
};

/** In the folder of runs that a setting names, if any: called like the tensors, with a number where that is taken. */
function newRunFolder({ resume }: ConfigWords, tensors: unknown): string | undefined {
  const { value: runs } = settingValue("runs");
  if (runs === undefined || typeof tensors !== "string" || resume !== undefined) return undefined;
  const name = basename(resolve(tensors));
  return freeName(join(resolve(runs), name));
}

/** A run that is resumed brings its own configuration. */
function fileConfig({ config, output, resume }: ConfigWords): Record<string, unknown> {
  if (config !== undefined) return readJsonObject(config);
  if (resume === undefined || resume === false || output === undefined) return {};
  return { ...readRunConfig(resolve(output)) };
}

function readJsonObject(path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readUserText(path));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}`, { cause });
  }
  if (isObject(value)) return value;
  throw new AceError("ERR_FILE", `${path}: expected an object of settings`);
}

/** What a file that names no kind speaks of. */
const kindsUnsaid: Readonly<Record<string, string>> = { adapter: "lora", optimizer: "adamw" };

/** Flags over file, field by field; another kind of adapter brings none of the old one's fields. */
function merged(below: Record<string, unknown>, above: Record<string, unknown>): Record<string, unknown> {
  const result = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const before = result[key];
    const isOtherKind =
      isObject(value) &&
      isObject(before) &&
      "kind" in value &&
      value["kind"] !== (before["kind"] ?? kindsUnsaid[key]);
    result[key] = isObject(value) && isObject(before) && !isOtherKind ? merged(before, value) : value;
  }
  return result;
}

/** `--rank 8` alone speaks of the adapter that is trained when neither a file nor a preset names one. */
function defaultKind(config: Record<string, unknown>): Record<string, unknown> {
  const { adapter } = config;
  if (!isObject(adapter) || "kind" in adapter) return config;
  return { ...config, adapter: { kind: kindsUnsaid["adapter"], ...adapter } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
