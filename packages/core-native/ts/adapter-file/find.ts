import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AceError } from "../errors.js";
import { notJson } from "../not-json.js";
import { toFloat32 } from "../float-tensor.js";
import { readSafetensors } from "../safetensors.js";
import type { AdapterConfig, AdapterScale, HostTensor } from "../types.js";
import { adapterFileNames, locateAdapter } from "./locate.js";
import { readLora } from "./lora.js";
import { readLycoris } from "./lycoris.js";
import { nearestNames, placeOf } from "./names.js";

/** An adapter file read and understood, not yet on a device. */
export interface AdapterFile {
  readonly config: AdapterConfig;
  /** Under PEFT's or LyCORIS' names, whatever the file's own were. */
  readonly tensors: Record<string, HostTensor>;
  readonly metadata: Record<string, string>;
  /** Names without a place whose module changes something. */
  readonly unexpected: readonly string[];
  /** Names without a place whose module changes nothing. */
  readonly ignored: readonly string[];
  /** What the file puts before a module's name: `base_model.model.`, `diffusion_model.`, `lycoris_`. */
  readonly prefix: string;
  readonly scale: AdapterScale;
  /** The magnitudes are divided by the norms of W, not of W + change, as ComfyUI does: they are to be converted. */
  readonly magnitudesOverBase: boolean;
}

const maxConfigBytes = 4_000_000;

function readJson(path: string): unknown {
  if (statSync(path).size > maxConfigBytes)
    throw new AceError("ERR_FILE", `${path}: larger than 4 MB, which no adapter_config.json is`);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}`, { cause });
  }
}

type Parts = Map<string, HostTensor>;

/** The factors of which one alone, all zero, makes a module's change zero. */
const factors = ["lora_A.weight", "lora_B.weight", "w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b"];

function changesNothing(parts: Parts): boolean {
  if (parts.has("dora_scale") || parts.has("lora_magnitude_vector")) return false;
  return [...parts].some(
    ([part, tensor]) =>
      factors.includes(part.replace(/^(lokr|hada)_/, "")) && toFloat32(tensor).every((value) => value === 0),
  );
}

/** Tensors that belong to no module we know, by the module they name: official LoKr files also hold untrained ones. */
function sortOut(names: readonly string[], tensors: Readonly<Record<string, HostTensor>>) {
  const modules = new Map<string, { names: string[]; parts: Parts }>();
  for (const name of names) {
    const dot = name.search(/\.(lora_|lokr_|hada_|alpha$|dora_scale|scalar$)/);
    const stem = dot < 0 ? name : name.slice(0, dot);
    const module = modules.get(stem) ?? { names: [], parts: new Map<string, HostTensor>() };
    modules.set(stem, module);
    module.names.push(name);
    const tensor = tensors[name];
    if (tensor !== undefined && dot >= 0) module.parts.set(name.slice(dot + 1), tensor);
  }
  const groups = [...modules.values()].map((group) => ({ ...group, zero: changesNothing(group.parts) }));
  return {
    unexpected: groups.filter(({ zero }) => !zero).flatMap((group) => group.names),
    ignored: groups.filter(({ zero }) => zero).flatMap((group) => group.names),
  };
}

/**
 * Reads the adapter at `path`, whichever of the ecosystem's layouts it has: PEFT, ComfyUI, diffusers, bare names, LyCORIS.
 *
 * @param moduleNames those the model has; without them, all that an ACE-Step decoder could have are taken.
 * @throws {AceError} ERR_FILE; ERR_CHECKPOINT where no tensor names a module, with the nearest names.
 */
export function findAdapterFile(path: string, moduleNames?: readonly string[]): AdapterFile {
  const file = locateAdapter(path);
  const { metadata, tensors } = readSafetensors(file);
  const known = moduleNames === undefined ? undefined : new Set(moduleNames);
  const modules = new Map<string, Parts>();
  const prefixes = new Map<string, string>();
  const lost: string[] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const place = placeOf(name);
    if (place === undefined || known?.has(place.module) === false) {
      lost.push(name);
      continue;
    }
    const parts = modules.get(place.module) ?? new Map<string, HostTensor>();
    modules.set(place.module, parts);
    if (parts.has(place.part))
      throw new AceError(
        "ERR_CHECKPOINT",
        `${file}: ${place.part} of ${place.module} is there twice, the second time as ${name}`,
      );
    parts.set(place.part, tensor);
    prefixes.set(place.module, place.prefix);
  }
  if (modules.size === 0) throw new AceError("ERR_CHECKPOINT", nothingMatches(file, lost, moduleNames));
  const words = [...modules.values()].flatMap((parts) => [...parts.keys()]);
  const lycoris = words.some((word) => word.startsWith("lokr_") || word.startsWith("hada_"));
  const lora = words.some((word) => word.startsWith("lora_"));
  if (lycoris === lora)
    throw new AceError(
      "ERR_FILE",
      `${file}: expected lora_*, lokr_* or hada_* tensors, ${lora ? "found several kinds in one file" : `found ${[...new Set(words)].join(", ")}`}`,
    );
  const shared = {
    metadata,
    ...sortOut(lost, tensors),
    prefix: [...prefixes.values()][0] ?? "",
    magnitudesOverBase: metadata.dora_norm === "weight",
  };
  if (lycoris) {
    const read = readLycoris(file, modules);
    return { ...shared, ...read, scale: scaleOf(read.config) };
  }
  const json = join(dirname(file), "adapter_config.json");
  const isPeft = adapterFileNames.some((name) => name === basename(file));
  if (isPeft && !existsSync(json) && !words.includes("alpha") && metadata.lora_adapter_metadata === undefined)
    throw new AceError(
      "ERR_FILE",
      `${dirname(file)}: lacks adapter_config.json, without which the scale is unknown`,
    );
  return {
    ...shared,
    ...readLora(file, modules, isPeft && existsSync(json) ? readJson(json) : undefined, metadata),
  };
}

/** LyCORIS writes alpha beside each module. */
function scaleOf({
  rank,
  alpha,
  rankPattern = {},
  alphaPattern = {},
  targetModules,
}: AdapterConfig): AdapterScale {
  const scales = targetModules.map((name) => (alphaPattern[name] ?? alpha) / (rankPattern[name] ?? rank));
  return { from: "alpha tensors", least: Math.min(...scales), most: Math.max(...scales) };
}

function nothingMatches(file: string, names: readonly string[], moduleNames?: readonly string[]): string {
  const first = names[0] ?? "absent";
  const nearest = moduleNames === undefined ? [] : nearestNames(first, moduleNames);
  const help = nearest.length === 0 ? "" : `; modules of the model are named ${nearest.join(", ")}`;
  return `${file}: none of its ${names.length} tensors names a module of this model; the first is ${first}${help}`;
}
