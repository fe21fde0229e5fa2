import { rmSync } from "node:fs";
import { join } from "node:path";
import { AceError, notJson, readUserText } from "@acewright/core-native";
import { parseWith, userConfigFolder, writeWhole } from "@acewright/trainer";
import { isSetting, Settings, SettingsFile } from "./schema.js";
import type { SettingKey } from "./schema.js";

const version = 1;

/** Where the settings of this user lie. */
export function settingsPath(): string {
  return join(userConfigFolder(), "settings.json");
}

/** What is stored, by key. */
export type StoredSettings = { readonly [Key in SettingKey]?: unknown };

/**
 * The stored settings; none where there is no file.
 *
 * @param but keys that are left out, and so may be wrong in the file.
 * @throws {AceError} ERR_FILE for a file that is no settings file, ERR_CONFIG for a wrong key or value: each says how to mend it.
 */
export function readSettings(path = settingsPath(), but: readonly string[] = []): StoredSettings {
  const stored = readRaw(path);
  if (stored === undefined) return {};
  const raw = Object.fromEntries(Object.entries(stored).filter(([key]) => !but.includes(key)));
  try {
    // Only checked: filled in defaults would look as if they were stored.
    parseWith(SettingsFile, raw, path);
    return Object.fromEntries(Object.entries(raw).filter(([key]) => isSetting(key)));
  } catch (error) {
    if (!(error instanceof AceError)) throw error;
    throw new AceError(error.code, `${error.message}; ${cureOf(raw)} mends it`, { cause: error });
  }
}

/** Stores the settings, whole or not at all. */
export function writeSettings(settings: StoredSettings, path = settingsPath()): void {
  const file = { version, ...settings };
  parseWith(SettingsFile, file, path);
  writeWhole(path, `${JSON.stringify(file, null, 2)}\n`, "writing the settings");
}

/**
 * Forgets some settings, or all. A key is taken out of a file that is wrong elsewhere too; forgetting all needs no readable
 * file.
 *
 * @returns the keys that were there; undefined where the whole file went.
 */
export function clearSettings(
  keys: readonly string[] | "all",
  path = settingsPath(),
): readonly string[] | undefined {
  if (keys === "all") {
    rmSync(path, { force: true });
    return undefined;
  }
  const raw = readRaw(path) ?? {};
  const there = keys.filter((key) => Object.hasOwn(raw, key));
  const left = Object.fromEntries(Object.entries(raw).filter(([key]) => !keys.includes(key)));
  if (there.length > 0) writeWhole(path, `${JSON.stringify(left, null, 2)}\n`, "writing the settings");
  return there;
}

/** The file's object; undefined without a file. */
function readRaw(path: string): Record<string, unknown> | undefined {
  const refuse = (why: string, cause?: unknown) =>
    new AceError(
      "ERR_FILE",
      `${path}: ${why}; mend it by hand, or forget all settings with \`acewright settings clear\``,
      { cause },
    );
  let text: string;
  try {
    text = readUserText(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refuse(`cannot be read (${code ?? String(cause)})`, cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(notJson(cause), cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refuse("expected an object of settings");
  const raw = value as Record<string, unknown>;
  if (typeof raw["version"] === "number" && raw["version"] > version)
    throw refuse(`was written by a newer acewright (version ${raw["version"]}, this one knows ${version})`);
  return raw;
}

/** The command that takes out what is wrong, and nothing else where that is possible. */
function cureOf(raw: Record<string, unknown>): string {
  const { version: form, ...settings } = raw;
  const checked = Settings.partial().safeParse(settings);
  const wrong = (checked.error?.issues ?? []).flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys : [String(issue.path[0])],
  );
  // A name with a blank or a quote would need the shell's own rules to be written down.
  const namable = [...new Set(wrong)].filter((key) => /^[\w.-]+$/.test(key) && !key.startsWith("-"));
  const isEnough = form === version && namable.length > 0 && namable.length === new Set(wrong).size;
  return `\`acewright settings clear${isEnough ? ` ${namable.join(" ")}` : ""}\``;
}
