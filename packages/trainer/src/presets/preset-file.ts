import { statSync } from "node:fs";
import { AceError, notJson, readUserText } from "@acewright/core-native";
import * as z from "zod";
import { parseConfig } from "../config/parse-config.js";
import { parseWith } from "../config/parse-with.js";
import type { Preset } from "../config/presets.js";
import { fromSideStep, isSideStep } from "./side-step.js";

/** A preset is some numbers; whatever is larger is another kind of file. */
export const maxPresetBytes = 1 << 20;

/** Files and folders, which are refused in a preset. */
export const notForPresets = [
  "tensors",
  "model",
  "output",
  "regularization",
  "from",
  "samplePrompts",
  "environment",
] as const;

/** What else a run says of its machine or its songs. A preset may name them by hand; made of a run it does not. */
const ofOneRun = ["device", "threads", "recompute", "trigger", "foreignTensors", "ignoreFisherMap"] as const;

/** A preset's file; its name is the file's. */
const PresetFile = z.strictObject({
  name: z.string().min(1).max(100).optional().describe("Name it had where it was exported"),
  description: z.string().max(1000).default("").describe("One line for the list of presets"),
  config: z.record(z.string(), z.unknown()).describe("Settings of a training, without folders"),
});

export interface ReadPreset {
  readonly preset: Preset;
  /** Keys of another program's preset that mean nothing here, each with the reason. */
  readonly dropped: readonly string[];
}

/**
 * A preset from its JSON file: ours, or one of Side-Step, whose keys are taken over where they mean the same.
 *
 * @throws {AceError} ERR_FILE for a file over 1 MiB or without JSON, ERR_CONFIG for keys or values that are none.
 */
export function readPreset(path: string, name: string): ReadPreset {
  const file = statSync(path);
  if (!file.isFile()) throw new AceError("ERR_FILE", `${path}: is no file; a preset is a JSON file`);
  const { size } = file;
  if (size > maxPresetBytes) {
    throw new AceError("ERR_FILE", `${path}: ${size} bytes; a preset has at most ${maxPresetBytes}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(readUserText(path));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}`, { cause });
  }
  if (isSideStep(value)) {
    const { description, config, dropped } = fromSideStep(value, wrongWith);
    return { preset: { name, description, config: presetConfig(config, path) }, dropped };
  }
  const { description, config } = parseWith(PresetFile, value, path);
  return { preset: { name, description, config: presetConfig(config, path) }, dropped: [] };
}

/**
 * Settings that may stand in a preset, checked as a training would check them.
 *
 * @throws {AceError} ERR_CONFIG for a folder among them, an unknown key or a wrong value; names `source`.
 */
export function presetConfig(config: Readonly<Record<string, unknown>>, source: string): Preset["config"] {
  for (const field of notForPresets) {
    if (Object.hasOwn(config, field)) {
      throw new AceError("ERR_CONFIG", `${source}: ${field} is never part of a preset; leave it out`);
    }
  }
  checkSettings(config, source);
  return config;
}

/** Only checked: the defaults stay out, so that a preset says what it was made for. */
function checkSettings(config: Readonly<Record<string, unknown>>, source: string): void {
  parseConfig({ tensors: ".", model: ".", output: ".", ...config }, source);
}

/** What a training would say against the settings, without their source. */
function wrongWith(config: Readonly<Record<string, unknown>>): string | undefined {
  try {
    checkSettings(config, "");
    return undefined;
  } catch (error) {
    if (error instanceof AceError && error.code === "ERR_CONFIG") return error.message.replace(/^: /, "");
    throw error;
  }
}

/** The part of a run's settings that is kept in a preset: nothing of its folders, its machine or its songs. */
export function withoutFolders(config: Readonly<Record<string, unknown>>): Preset["config"] {
  const left = [...notForPresets, ...ofOneRun] as readonly string[];
  return Object.fromEntries(Object.entries(config).filter(([key]) => !left.includes(key)));
}
