import { findAdapterFile, toFloat32, type AdapterFile, type HostTensor } from "@acewright/core-native";
import { findAdapter, type FoundAdapter, type RunAdapter } from "../export/find-adapter.js";
import { matrixOf, type Matrix } from "./matrix.js";

/** One changed linear of the decoder, with the numbers that make up its change. */
export interface OpenedModule {
  /** `layers.0.self_attn.q_proj` */
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
  /** What the product of the factors is multiplied with. */
  readonly scale: number;
  /** By PEFT's or LyCORIS' words: `lora_A.weight`, `lokr_w1`, `dora_scale`. */
  readonly parts: ReadonlyMap<string, HostTensor>;
}

/** An adapter read from its file, on no device. */
export interface OpenedAdapter {
  readonly path: string;
  readonly found: FoundAdapter;
  readonly file: AdapterFile;
  readonly modules: readonly OpenedModule[];
}

/**
 * Reads an adapter in any layout, from a run, a folder or a file.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT.
 */
export function openAdapter(path: string, which?: RunAdapter): OpenedAdapter {
  const found = findAdapter(path, which);
  const file = findAdapterFile(found.weights);
  return { path, found, file, modules: modulesOf(file) };
}

function modulesOf({ config, tensors }: AdapterFile): OpenedModule[] {
  const lora = config.kind === "lora" || config.kind === "dora";
  const parts = new Map<string, Map<string, HostTensor>>();
  for (const name of config.targetModules) {
    const prefix = lora ? `base_model.model.${name}.` : `lycoris_${name.replaceAll(".", "_")}.`;
    parts.set(prefix, new Map<string, HostTensor>());
  }
  for (const [name, tensor] of Object.entries(tensors)) {
    // The prefix ends where the part's own name begins.
    const end = name.search(/\.(lora_|lokr_|hada_|alpha$|dora_scale$)/) + 1;
    parts.get(name.slice(0, end))?.set(name.slice(end), tensor);
  }
  const rsLora = (config.kind === "lora" || config.kind === "dora") && config.rsLora === true;
  return config.targetModules.map((name, i) => {
    const rank = config.rankPattern?.[name] ?? config.rank;
    const alpha = config.alphaPattern?.[name] ?? config.alpha;
    const own = [...parts.values()][i] ?? new Map<string, HostTensor>();
    return { name, rank, alpha, scale: alpha / (rsLora ? Math.sqrt(rank) : rank), parts: own };
  });
}

/** A part as a matrix; undefined where the module has none of that name. */
export function partOf(module: OpenedModule, part: string): Matrix | undefined {
  const tensor = module.parts.get(part);
  if (tensor === undefined) return undefined;
  const [rows = 1, columns = 1] = tensor.shape;
  return matrixOf(rows, columns, toFloat32(tensor));
}

/** The magnitudes of a weight-decomposed module, [out]. */
export function magnitudesOf(module: OpenedModule): Float32Array | undefined {
  const tensor = module.parts.get("lora_magnitude_vector") ?? module.parts.get("dora_scale");
  return tensor === undefined ? undefined : toFloat32(tensor);
}

/** True where any module's rows are scaled, so that its change depends on the base model. */
export function needsBase(adapter: OpenedAdapter): boolean {
  return adapter.modules.some((module) => magnitudesOf(module) !== undefined);
}
