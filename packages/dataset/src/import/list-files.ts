import { AceError } from "@acewright/core-native";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { isInside } from "../dataset-file/inside-folder.js";

/** What another trainer's folder of tensors holds, before any of them is read. */
export interface TorchFolder {
  /** Names of the .pt files within the folder. */
  readonly files: readonly string[];
  /** As dataset.json has it: name, custom_tag ... */
  readonly dataset: Record<string, unknown>;
  /** The model the tensors were made with, where that is written down. */
  readonly modelVariant: string;
  /** MD5 by file name, as Side-Step notes them. */
  readonly checksums: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

const mostBytes = 64_000_000;

/**
 * Reads manifest.json (official) and preprocess_meta.json (Side-Step) of a folder; without a list every *.pt counts, but
 * for *.tmp.pt. Names that lead out of the folder are refused.
 *
 * @throws {AceError} ERR_FILE when the folder is missing or holds no .pt file.
 */
export function listTorchFiles(folder: string): TorchFolder {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new AceError("ERR_FILE", `${folder}: is not a folder; name one that holds .pt files`);
  const warnings: string[] = [];
  const manifest = readObject(join(folder, "manifest.json"), warnings);
  const meta = readObject(join(folder, "preprocess_meta.json"), warnings);
  const found = readdirSync(folder)
    .filter((name) => name.endsWith(".pt") && !name.endsWith(".tmp.pt"))
    .sort();
  const files = listed(folder, manifest?.["samples"], warnings) ?? found;
  if (files.length === 0) throw new AceError("ERR_FILE", `${folder}: holds no .pt file`);
  const dataset = { ...objectOf(meta), ...objectOf(manifest?.["metadata"]) };
  delete dataset["checksums"];
  const variant = meta?.["model_variant"];
  const checksums = Object.entries(objectOf(meta?.["checksums"])).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
  return {
    files,
    dataset,
    modelVariant: typeof variant === "string" ? variant : "",
    checksums: new Map(checksums),
    warnings,
  };
}

/** The manifest's own list; undefined where there is none to go by. */
function listed(folder: string, samples: unknown, warnings: string[]): string[] | undefined {
  if (!Array.isArray(samples)) return undefined;
  const names: string[] = [];
  for (const item of samples) {
    const name = typeof item === "string" ? item.replaceAll("\\", "/") : "";
    const path = resolve(folder, name);
    if (!name.endsWith(".pt") || !isInside(path, resolve(folder)))
      warnings.push(
        `manifest.json lists ${JSON.stringify(item)}, which is no .pt file of this folder; left out`,
      );
    else if (!existsSync(path)) warnings.push(`manifest.json lists ${name}, which is not there; left out`);
    else names.push(relative(folder, path));
  }
  // Lists written on another machine lead elsewhere.
  if (names.length === 0 && samples.length > 0) {
    warnings.push("manifest.json lists no file that is here; every .pt file of the folder is taken");
    return undefined;
  }
  return [...new Set(names)];
}

function readObject(path: string, warnings: string[]): Record<string, unknown> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    if (statSync(path).size > mostBytes) throw new Error(`larger than ${mostBytes} bytes`);
    const value = JSON.parse(readFileSync(path, "utf8")) as unknown;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("not an object");
    return value as Record<string, unknown>;
  } catch (error) {
    warnings.push(`${path} cannot be read (${(error as Error).message}) and is left out`);
    return undefined;
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
