import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { AceError } from "../errors.js";

/** What trainers call an adapter's weights; PEFT and LyCORIS know no others. */
export const adapterFileNames = [
  "adapter_model.safetensors",
  "lokr_weights.safetensors",
  "loha_weights.safetensors",
] as const;
/** Where an adapter lies inside a run's folder, ours and the official trainer's. */
const subfolders = ["", "adapter", "final", join("final", "adapter")];

/**
 * The weights of the adapter in a folder: a run's, an adapter's own, or an export's, which is called as its program wants it and
 * is the only safetensors file there. Undefined where there is none, or no telling which.
 */
export function adapterWeightsIn(folder: string): string | undefined {
  for (const sub of subfolders) {
    for (const name of adapterFileNames) {
      const candidate = join(folder, sub, name);
      if (existsSync(candidate)) return candidate;
    }
  }
  // A checkpoint of a whole model has its config.json beside its weights.
  if (existsSync(join(folder, "config.json"))) return undefined;
  const [only, another] = safetensorsIn(folder);
  return only === undefined || another !== undefined ? undefined : join(folder, only);
}

/** What a folder without an adapter of a known name holds in its place, for an error's end. */
export function instead(folder: string): string {
  const files = safetensorsIn(folder);
  return files.length < 2 ? "" : `; name one of its files: ${files.slice(0, 4).join(", ")}`;
}

function safetensorsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".safetensors"))
    .sort();
}

/**
 * The adapter's file that a path means: itself, or that of its folder.
 *
 * @throws {AceError} ERR_FILE saying what was looked for.
 */
export function locateAdapter(path: string): string {
  if (!existsSync(path))
    throw new AceError("ERR_FILE", `${path}: not found; expected an adapter's folder or .safetensors file`);
  if (statSync(path).isFile()) return path;
  const found = adapterWeightsIn(path);
  if (found !== undefined) return found;
  throw new AceError(
    "ERR_FILE",
    `${path}: holds no adapter; looked for ${adapterFileNames.join(", ")} here and in adapter/ and final/${instead(path)}`,
  );
}
