import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AceError } from "../errors.js";
import { readSafetensors } from "../safetensors.js";
import type { AdapterConfig, HostTensor } from "../types.js";
import { readLycoris } from "./lycoris.js";
import { readPeft } from "./peft.js";

/** An adapter file read and understood, not yet on a device. */
export interface AdapterFile {
  readonly config: AdapterConfig;
  readonly tensors: Record<string, HostTensor>;
  readonly metadata: Record<string, string>;
  readonly unexpected: readonly string[];
}

const fileNames = ["adapter_model.safetensors", "lokr_weights.safetensors", "loha_weights.safetensors"];
/** Where an adapter lies inside a run's folder, ours and the official trainer's. */
const subfolders = ["", "adapter", "final", join("final", "adapter")];
const maxConfigBytes = 4_000_000;

function locate(path: string): string {
  if (!existsSync(path))
    throw new AceError("ERR_FILE", `${path}: not found; expected an adapter's folder or .safetensors file`);
  if (statSync(path).isFile()) return path;
  for (const sub of subfolders) {
    for (const name of fileNames) {
      const candidate = join(path, sub, name);
      if (existsSync(candidate)) return candidate;
    }
  }
  throw new AceError(
    "ERR_FILE",
    `${path}: holds no adapter; looked for ${fileNames.join(", ")} here and in adapter/ and final/`,
  );
}

function readJson(path: string): unknown {
  if (!existsSync(path))
    throw new AceError("ERR_FILE", `${path}: not found; a PEFT adapter needs it for rank and alpha`);
  if (statSync(path).size > maxConfigBytes)
    throw new AceError("ERR_FILE", `${path}: larger than 4 MB, which no adapter_config.json is`);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AceError(
      "ERR_FILE",
      `${path}: bad JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/**
 * Reads the adapter at `path`, whichever of the known layouts it has.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT
 */
export function findAdapterFile(path: string, moduleNames: readonly string[]): AdapterFile {
  const file = locate(path);
  const { metadata, tensors } = readSafetensors(file);
  const lycoris = Object.keys(tensors).some((name) => name.startsWith("lycoris_"));
  const read = lycoris
    ? readLycoris(file, tensors, moduleNames)
    : readPeft(file, readJson(join(dirname(file), "adapter_config.json")), tensors, moduleNames);
  return { ...read, metadata };
}
