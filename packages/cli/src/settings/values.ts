import { resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { expectation, parseWith, withoutNull } from "@acewright/trainer";
import type * as z from "zod";
import { scalarOf } from "../parse-value.js";
import { factsOf, settingFacts } from "./facts.js";
import type { SettingFacts } from "./facts.js";
import { readSettings } from "./file.js";
import { Settings } from "./schema.js";
import type { SettingKey } from "./schema.js";

type Values = z.infer<typeof Settings>;

/** A setting as the commands now take it. */
export interface SettingValue<Key extends SettingKey = SettingKey> {
  readonly key: Key;
  /** Undefined where nothing is set and there is no default. */
  readonly value: Values[Key];
  readonly from: "environment" | "settings" | "default" | "unset";
}

/**
 * A text as a setting's value: `true`, `4`, `bell,desktop`; a folder is made absolute.
 *
 * @param called what to call it in the error: its key, or the variable it came from.
 * @throws {AceError} ERR_CONFIG for what is none.
 */
export function settingFromText(
  { key, node, isFolder }: SettingFacts,
  text: string,
  called: string = key,
): unknown {
  const words = text.split(",").filter((word) => word.trim() !== "");
  const value =
    node.type === "array"
      ? words.map((word) => scalarOf(word.trim(), withoutNull(node.items || {})))
      : scalarOf(text, node);
  if (value === undefined || (Array.isArray(value) && value.includes(undefined)))
    throw new AceError("ERR_CONFIG", `${called}: expected ${expectation(node)}, got ${JSON.stringify(text)}`);
  parseWith(Settings.partial(), { [key]: value }, called);
  return isFolder && typeof value === "string" ? resolve(value) : value;
}

/** Every setting with where it comes from: environment, then the file, then the default. */
export function settingValues(): SettingValue[] {
  const stored = readSettings();
  return settingFacts.map((facts) => {
    const { key, variable, node } = facts;
    const given = process.env[variable] ?? "";
    if (given !== "") return found(key, settingFromText(facts, given, variable), "environment");
    if (stored[key] !== undefined) return found(key, stored[key], "settings");
    return found(key, node.default, node.default === undefined ? "unset" : "default");
  });
}

/** One setting with where it comes from. */
export function settingValue<Key extends SettingKey>(key: Key): SettingValue<Key> {
  const value = settingValues().find((setting) => setting.key === factsOf(key).key);
  return value as SettingValue<Key>;
}

function found(key: SettingKey, value: unknown, from: SettingValue["from"]): SettingValue {
  return { key, value: value as SettingValue["value"], from };
}
