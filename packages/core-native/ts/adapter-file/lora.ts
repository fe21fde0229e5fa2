// LoRA and DoRA in any of the ecosystem's layouts. They differ in names and in where alpha is written.
import { AceError } from "../errors.js";
import { notJson } from "../not-json.js";
import { toFloat32 } from "../float-tensor.js";
import type { AdapterConfig, AdapterScale, HostTensor } from "../types.js";
import { parsePeftConfig, type LoraScale } from "./peft.js";

/** A file's tensors by module and part. */
export type Modules = ReadonlyMap<string, ReadonlyMap<string, HostTensor>>;

/** `lora_adapter_metadata` of a safetensors header: adapter_config.json under a component's name, as diffusers writes it. */
function scaleInMetadata(where: string, metadata: Readonly<Record<string, string>>): LoraScale | undefined {
  const text = metadata.lora_adapter_metadata;
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${where}: lora_adapter_metadata in its header ${notJson(cause)}`, {
      cause,
    });
  }
  if (typeof json !== "object" || json === null)
    throw new AceError("ERR_FILE", `${where}: lora_adapter_metadata in its header is not an object`);
  const fields = Object.entries(json).map(([key, value]) => [
    key.replace(/^transformer\./, ""),
    value as unknown,
  ]);
  return parsePeftConfig(`${where}: lora_adapter_metadata`, {
    peft_type: "LORA",
    ...(Object.fromEntries(fields) as object),
  });
}

const endsIn = (module: string, key: string) => module === key || module.endsWith(`.${key}`);

/**
 * The adapter that LoRA tensors describe. Alpha is taken from the `.alpha` tensors, else adapter_config.json, else the
 * header's `lora_adapter_metadata`; a file without any plays at scale 1 in every client, so here too.
 *
 * @param peft parsed adapter_config.json, where there is one beside the file.
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT naming the module that is incomplete.
 */
export function readLora(
  where: string,
  modules: Modules,
  peft: unknown,
  metadata: Readonly<Record<string, string>>,
): { config: AdapterConfig; tensors: Record<string, HostTensor>; scale: AdapterScale } {
  const written = peft === undefined ? scaleInMetadata(where, metadata) : parsePeftConfig(where, peft);
  const tensors: Record<string, HostTensor> = {};
  const ranks: Record<string, number> = {};
  const alphas: Record<string, number> = {};
  const scales: number[] = [];
  let dora = written?.useDora === true;
  let fromTensors = false;
  for (const [module, parts] of modules) {
    const rank =
      parts.get("lora_A.weight")?.shape[0] ?? parts.get("lora_B.weight")?.shape[1] ?? written?.rank;
    if (rank === undefined)
      throw new AceError("ERR_CHECKPOINT", `${where}: module ${module} has neither lora_A nor lora_B`);
    const stored = parts.get("alpha");
    const pattern = Object.entries(written?.alphaPattern ?? {}).find(([key]) => endsIn(module, key));
    const rsLora = stored === undefined && written?.rsLora === true;
    const alpha =
      (stored === undefined ? undefined : toFloat32(stored)[0]) ?? pattern?.[1] ?? written?.alpha ?? rank;
    fromTensors ||= stored !== undefined;
    ranks[module] = rank;
    alphas[module] = alpha;
    scales.push(alpha / (rsLora ? Math.sqrt(rank) : rank));
    for (const [part, tensor] of parts) {
      if (part === "alpha") continue;
      const magnitude = part === "dora_scale" || part === "lora_magnitude_vector";
      dora ||= magnitude;
      tensors[`base_model.model.${module}.${magnitude ? "lora_magnitude_vector" : part}`] = magnitude
        ? { ...tensor, shape: [tensor.shape.reduce((product, size) => product * size, 1)] }
        : tensor;
    }
  }
  const names = Object.keys(ranks);
  const rank = written?.rank ?? ranks[names[0] ?? ""] ?? 1;
  const alpha = fromTensors ? (alphas[names[0] ?? ""] ?? rank) : (written?.alpha ?? rank);
  const differing = (values: Readonly<Record<string, number>>, general: number) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== general));
  return {
    config: {
      kind: dora ? "dora" : "lora",
      rank,
      alpha,
      dropout: written?.dropout ?? 0,
      rsLora: !fromTensors && written?.rsLora === true,
      targetModules: names,
      rankPattern: differing(ranks, rank),
      alphaPattern: differing(alphas, alpha),
    },
    tensors,
    scale: {
      from: fromTensors
        ? "alpha tensors"
        : peft !== undefined
          ? "adapter_config.json"
          : written !== undefined
            ? "metadata"
            : "nothing",
      least: scales.reduce((a, b) => Math.min(a, b), Infinity),
      most: scales.reduce((a, b) => Math.max(a, b), -Infinity),
    },
  };
}
