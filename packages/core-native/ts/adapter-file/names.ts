// Every spelling of a tensor's name that the ecosystem writes, read as one: module, part and what stood before.

/** A tensor's place: `module` as the decoder calls it, `part` in PEFT's or LyCORIS' words. */
export interface PlacedName {
  /** `layers.0.self_attn.q_proj` */
  readonly module: string;
  /** `lora_A.weight`, `lora_B.weight`, `lora_magnitude_vector`, `alpha`, `dora_scale`, `lokr_*`, `hada_*`. */
  readonly part: string;
  /** What the file puts before the module: `base_model.model.`, `diffusion_model.`, `lycoris_`, nothing. */
  readonly prefix: string;
}

const tail =
  /^(.+)\.(lora_A|lora_B|lora_down|lora_up|lora_magnitude_vector|alpha|dora_scale|lokr_\w+|hada_\w+|scalar)(?:\.default)?(?:\.weight)?$/;
const partNames: Readonly<Record<string, string>> = {
  lora_A: "lora_A.weight",
  lora_down: "lora_A.weight",
  lora_B: "lora_B.weight",
  lora_up: "lora_B.weight",
};
/** diffusers' names of the attention's projections. */
const diffusersNames: Readonly<Record<string, string>> = {
  to_q: "q_proj",
  to_k: "k_proj",
  to_v: "v_proj",
  "to_out.0": "o_proj",
};
/** The model's other rooms have layers of the same names, which are not the decoder's. */
const otherRooms = /(^|[._])(\w*encoder|\w*tokenizer|text_model)[._]/;

/**
 * Reads a tensor's name under any prefix, dotted or flat; undefined where it is not a part of an adapter of the
 * decoder's layers.
 */
export function placeOf(name: string): PlacedName | undefined {
  const [, path, word] = tail.exec(name) ?? [];
  if (path === undefined || word === undefined) return undefined;
  const part = partNames[word] ?? word;
  const dotted = /^(.*?)layers\.(\d+)\.(self_attn|cross_attn|mlp)\.([\w.]+)$/.exec(path);
  const flat = /^(.*?)layers_(\d+)_(self_attn|cross_attn|mlp)_(\w+)$/.exec(path);
  const [, prefix, layer, block, last] = dotted ?? flat ?? [];
  if (prefix === undefined || layer === undefined || block === undefined || last === undefined)
    return undefined;
  if (otherRooms.test(prefix)) return undefined;
  const spelled = flat === null ? last : last.replace(/^to_out_0$/, "to_out.0");
  return { module: `layers.${layer}.${block}.${diffusersNames[spelled] ?? spelled}`, part, prefix };
}

/** Those of `names` that look most like `name`, for a refusal that helps: by the words they share. */
export function nearestNames(name: string, names: readonly string[], count = 3): string[] {
  const words = new Set(name.split(/[._]/));
  const shared = (other: string) => other.split(/[._]/).filter((word) => words.has(word)).length;
  return [...names].sort((a, b) => shared(b) - shared(a)).slice(0, count);
}
