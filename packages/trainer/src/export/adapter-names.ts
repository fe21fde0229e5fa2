import type { HostTensor } from "@acewright/core-native";

/** The two layouts the ecosystem loads: PEFT folders (LoRA, DoRA) and LyCORIS files (LoKr, LoHa). */
export type AdapterFormat = "peft" | "lycoris";

const names: Readonly<Record<AdapterFormat, RegExp>> = {
  peft: /^base_model\.model\.layers\.\d+\.(self_attn|cross_attn|mlp)\.[a-z]+_proj\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)$/,
  lycoris:
    /^lycoris_layers_\d+_(self_attn|cross_attn|mlp)_[a-z]+_proj\.(alpha|lokr_w[12]|lokr_w[12]_[ab]|hada_w[12]_[ab]|dora_scale)$/,
};

/** The format a file's tensors are named in; by its first name that belongs to one. */
export function formatOf(tensors: readonly string[]): AdapterFormat | undefined {
  if (tensors.some((name) => name.startsWith("lycoris_"))) return "lycoris";
  return tensors.some((name) => name.includes(".lora_")) ? "peft" : undefined;
}

/** Names that loaders of the format would pass over in silence. */
export function foreignNames(tensors: readonly string[], format: AdapterFormat): string[] {
  return tensors.filter((name) => !names[format].test(name));
}

/** Modules the tensors belong to. */
export function moduleCount(tensors: readonly string[]): number {
  return new Set(tensors.map((name) => name.replace(/\.(lora|lokr|hada|alpha|dora)[^.]*(\.weight)?$/, "")))
    .size;
}

/** Parameters, scalars that are settings (alpha) left out. */
export function parameterCount(tensors: Readonly<Record<string, HostTensor>>): number {
  return Object.values(tensors)
    .filter(({ shape }) => shape.length > 0)
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
