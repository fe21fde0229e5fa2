import type { HostTensor } from "@acewright/core-native";

/**
 * What an adapter can be written as: PEFT folders (LoRA, DoRA), LyCORIS files (LoKr, LoHa), a file for ComfyUI, diffusers, or
 * loaders of bare names, or a whole model with the adapter merged into its weights.
 */
export type AdapterFormat = (typeof adapterFormats)[number];
export const adapterFormats = ["peft", "lycoris", "comfyui", "diffusers", "bare", "merged"] as const;

const lycorisName =
  /^lycoris_layers_\d+_(self_attn|cross_attn|mlp)_[a-z]+_proj\.(alpha|lokr_w[12]|lokr_w[12]_[ab]|hada_w[12]_[ab]|dora_scale)$/;

/** The family a file's tensors belong to; by the first that belongs to one. */
export function familyOf(tensors: readonly string[]): "lora" | "lycoris" | undefined {
  if (tensors.some((name) => /\.(lokr|hada)_/.test(name))) return "lycoris";
  return tensors.some((name) => name.includes(".lora_")) ? "lora" : undefined;
}

/** Names that LyCORIS' loaders would pass over in silence. */
export function foreignNames(tensors: readonly string[]): string[] {
  return tensors.filter((name) => !lycorisName.test(name));
}

/** Parameters, scalars that are settings (alpha) left out. */
export function parameterCount(tensors: Readonly<Record<string, HostTensor>>): number {
  return Object.values(tensors)
    .filter(({ shape }) => shape.length > 0)
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
