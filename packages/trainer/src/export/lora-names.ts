import { AceError, fromFloat32, toFloat32, type HostTensor } from "@acewright/core-native";
import type { BaseWeights } from "../adapters/base-weights.js";
import { requireBase } from "../adapters/base-weights.js";
import { magnitudesOverBase } from "../adapters/module-change.js";
import { magnitudesOf, type OpenedModule } from "../adapters/opened-adapter.js";

/** The layouts a LoRA is written in for other programs, as one file. */
export type LoraFileFormat = "comfyui" | "diffusers" | "bare";

/** ComfyUI's names for the same module: by its ACE-Step key map, or by the general rule for any model. */
const comfyPrefixes: Readonly<Record<string, string>> = {
  native: "base_model.model.",
  generic: "diffusion_model.decoder.",
};

/** `native`, `generic`, or the user's own prefix; a dot is set between it and the module. */
export function comfyPrefix(asked = "native"): string {
  const known = comfyPrefixes[asked];
  if (known !== undefined) return known;
  if (/^[\w.]*$/.test(asked)) return asked === "" || asked.endsWith(".") ? asked : `${asked}.`;
  throw new AceError(
    "ERR_CONFIG",
    `prefix: expected native, generic, or letters, digits, _ and dots, got ${asked}`,
  );
}

/** How a client finds the scale, and what it is then. */
export const playsAt: Readonly<Record<LoraFileFormat, string>> = {
  comfyui: "strength 1.0 plays it as it was trained: alpha is in the file beside each module",
  diffusers: "weight 1.0 plays it as it was trained: alpha / rank is already in the B factors",
  bare: "strength 1.0 plays it as it was trained: alpha / rank is already in the B factors",
};

/**
 * The tensors of a LoRA or DoRA under a client's names.
 *
 * @throws {AceError} ERR_CONFIG for a DoRA where the client has no rule for it, or needs the base model.
 */
export function loraTensors(
  format: LoraFileFormat,
  modules: readonly OpenedModule[],
  { prefix, base }: { readonly prefix?: string | undefined; readonly base?: BaseWeights | undefined } = {},
): Record<string, HostTensor> {
  const tensors: Record<string, HostTensor> = {};
  for (const module of modules) {
    const a = module.parts.get("lora_A.weight");
    const b = module.parts.get("lora_B.weight");
    if (a === undefined || b === undefined)
      throw new AceError("ERR_CHECKPOINT", `${module.name}: lacks lora_A or lora_B`);
    if (format === "comfyui") {
      const place = `${comfyPrefix(prefix)}${module.name}`;
      tensors[`${place}.lora_down.weight`] = a;
      tensors[`${place}.lora_up.weight`] = b;
      tensors[`${place}.alpha`] = fromFloat32(Float32Array.of(module.scale * module.rank), []);
      const magnitudes = comfyMagnitudes(module, base);
      // A column: ComfyUI divides it by a column of norms, and a plain vector would spread over both axes.
      if (magnitudes !== undefined)
        tensors[`${place}.dora_scale`] = fromFloat32(magnitudes, [magnitudes.length, 1]);
      continue;
    }
    const place = `${format === "bare" ? "" : "base_model.model."}${module.name}`;
    tensors[`${place}.lora_A.weight`] = a;
    tensors[`${place}.lora_B.weight`] = module.scale === 1 ? b : timesScale(b, module.scale);
    const magnitudes = magnitudesOf(module);
    if (magnitudes === undefined) continue;
    if (format === "bare") {
      throw new AceError(
        "ERR_CONFIG",
        "bare: loaders of bare names have no one rule for DoRA; merge its row scaling into a plain LoRA with --as-lora RANK",
      );
    }
    tensors[`${place}.lora_magnitude_vector`] = fromFloat32(magnitudes, [magnitudes.length]);
  }
  return tensors;
}

/** A LoKr or LoHa under a dotted prefix: ComfyUI's rule for any model, which knows no `lycoris_` names of its own. */
export function lycorisUnder(prefix: string, modules: readonly OpenedModule[]): Record<string, HostTensor> {
  const place = comfyPrefix(prefix);
  return Object.fromEntries(
    modules.flatMap(({ name, parts }) =>
      [...parts].map(([part, tensor]) => [`${place}${name}.${part}`, tensor] as const),
    ),
  );
}

function comfyMagnitudes(module: OpenedModule, base: BaseWeights | undefined): Float32Array | undefined {
  if (magnitudesOf(module) === undefined) return undefined;
  const weight = requireBase(base, "a DoRA for ComfyUI, which divides rows by the norm of W,").read(
    module.name,
  );
  return magnitudesOverBase(module, weight);
}

function timesScale(tensor: HostTensor, scale: number): HostTensor {
  return fromFloat32(
    toFloat32(tensor).map((value) => value * scale),
    tensor.shape,
  );
}
