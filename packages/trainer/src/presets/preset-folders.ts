import * as fs from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { nearestName } from "../config/nearest-name.js";
import { presets } from "../config/presets.js";
import type { Preset } from "../config/presets.js";
import { writeWhole } from "../run/write-whole.js";
import { maxPresetBytes, presetConfig, readPreset } from "./preset-file.js";

/** A preset and the file it stands in; built-in ones have none. */
export interface FoundPreset {
  readonly preset: Preset;
  readonly file?: string;
}

/** Where this user's settings live: XDG_CONFIG_HOME or ~/.config, %APPDATA%, ~/Library/Application Support. */
export function userConfigFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const home = homedir();
  const given = platform === "win32" ? env["APPDATA"] : env["XDG_CONFIG_HOME"];
  if (given !== undefined && given !== "") return join(given, "acewright");
  if (platform === "win32") return join(home, "AppData", "Roaming", "acewright");
  if (platform === "darwin") return join(home, "Library", "Application Support", "acewright");
  return join(home, ".config", "acewright");
}

/** The folders that are searched before the built-in presets, first one first. */
export function presetFolders(): readonly string[] {
  return [resolve("presets"), join(userConfigFolder(), "presets")];
}

/**
 * A name that is a file's on every system: blanks become `_`, what some system forbids is left out.
 *
 * @throws {AceError} ERR_CONFIG for a name that leaves its folder, is a device on Windows, or of which nothing is left.
 */
export function presetName(text: string): string {
  const name = text
    .trim()
    .replace(/\s+/g, "_")
    .replace(/[/\\:*?"<>|\u0000-\u001f]/g, "");
  const refused = (why: string) =>
    new AceError("ERR_CONFIG", `preset name ${JSON.stringify(text)}: ${why}; choose another`);
  if (text.includes("..")) throw refused("may not hold ..");
  if (/^[.]*$/.test(name) || name.startsWith(".")) throw refused("nothing a file can be called by is left");
  if (/^(con|prn|aux|nul|com\d|lpt\d)([.]|$)/i.test(name)) throw refused("is a device on Windows");
  if (name.length > 100) throw refused("is longer than 100 characters");
  return name;
}

/** Every preset by its name; of several of one name the first folder's. `onUnreadable` is told of files that are none. */
export function listPresets(
  onUnreadable: (message: string) => void,
  folders: readonly string[] = presetFolders(),
): FoundPreset[] {
  const found = new Map<string, FoundPreset>();
  for (const folder of folders) {
    if (!fs.existsSync(folder)) continue;
    for (const entry of fs.readdirSync(folder).sort()) {
      const name = entry.replace(/[.]json$/, "");
      if (name === entry || found.has(name)) continue;
      const file = join(folder, entry);
      try {
        found.set(name, { preset: readPreset(file, name).preset, file });
      } catch (error) {
        onUnreadable((error as Error).message);
      }
    }
  }
  for (const preset of Object.values(presets)) {
    if (!found.has(preset.name)) found.set(preset.name, { preset });
  }
  return [...found.values()];
}

/**
 * The preset of a name: ./presets, then the user's folder, then the built-in ones.
 *
 * @throws {AceError} ERR_CONFIG where there is none or its settings are wrong, ERR_FILE for a file that is none.
 */
export function findPreset(text: string, folders: readonly string[] = presetFolders()): FoundPreset {
  const name = presetName(text);
  for (const folder of folders) {
    const file = join(folder, `${name}.json`);
    if (fs.existsSync(file)) return { preset: readPreset(file, name).preset, file };
  }
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset !== undefined) return { preset };
  const names = listPresets(() => undefined, folders).map((found) => found.preset.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw new AceError(
    "ERR_CONFIG",
    `preset ${JSON.stringify(text)} does not exist${hint}; there are ${names.join(", ")}`,
  );
}

/**
 * Keeps a preset in the user's folder.
 *
 * @returns the file written.
 * @throws {AceError} ERR_CONFIG for a wrong name or setting, or a name that is taken and may not be replaced.
 */
export function savePreset(
  preset: Preset,
  { replace = false, folder = join(userConfigFolder(), "presets") } = {},
): string {
  const name = presetName(preset.name);
  // `auto` is worked out anew each time: a file of that name would never be read.
  if (Object.hasOwn(presets, name) || name === "auto") {
    throw new AceError("ERR_CONFIG", `${name} is a built-in preset; choose another name`);
  }
  const file = join(folder, `${name}.json`);
  if (!replace && fs.existsSync(file)) {
    throw new AceError("ERR_CONFIG", `${file}: exists already; replace it with --replace`);
  }
  writePreset({ ...preset, name }, file);
  return file;
}

/** Writes a preset to a file, whole or not at all. */
export function writePreset({ name, description, config }: Preset, file: string): void {
  const text = `${JSON.stringify({ name, description, config: presetConfig(config, name) }, null, 2)}\n`;
  if (Buffer.byteLength(text) > maxPresetBytes) {
    throw new AceError("ERR_CONFIG", `preset ${name}: larger than ${maxPresetBytes} bytes`);
  }
  writeWhole(file, text, "writing this preset");
}

/**
 * Deletes a preset of one's own.
 *
 * @throws {AceError} ERR_CONFIG for a built-in one or a name that is none.
 */
export function deletePreset(text: string, folders: readonly string[] = presetFolders()): string {
  const { file, preset } = findPreset(text, folders);
  if (file === undefined) {
    throw new AceError("ERR_CONFIG", `${preset.name} is a built-in preset and cannot be deleted`);
  }
  fs.rmSync(file);
  return file;
}
