import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Adapter,
  readSafetensors,
  Sampler,
  toFloat32,
  type AdapterConfig,
  type Decoder,
  type SamplerAdapter,
} from "@acewright/core-native";
import { scratch } from "../trained.js";

const golden = fileURLToPath(new URL("../../../../tools/reference/golden/tiny", import.meta.url));
/** Its q_proj is [64, 64], its up_proj [128, 64]. */
export const tinyModel = join(golden, "model");
const targetModules = ["self_attn.q_proj", "up_proj"];

/** An adapter that does something: every factor filled by a rule. */
export async function savedAdapter(
  decoder: Decoder,
  config: Pick<AdapterConfig, "kind"> & object,
  turn: number,
): Promise<string> {
  const all = { rank: 4, alpha: 6, targetModules, ...config } as AdapterConfig;
  using adapter = await Adapter.create(decoder, all, turn);
  const filled = Object.entries(await adapter.tensors()).flatMap(([name, tensor]) => {
    if (name.endsWith(".alpha")) return [];
    const strength = name.includes("magnitude") || name.includes("dora_scale") ? 0.02 : 0.1;
    const data = toFloat32(tensor).map((value, i) => value + strength * Math.sin(turn * i + name.length));
    return [[name, { ...tensor, dtype: "F32", data: new Uint8Array(data.buffer) }] as const];
  });
  await adapter.setTensors(Object.fromEntries(filled));
  const folder = scratch();
  await adapter.save(folder, { base_model: "tiny", trigger: "bells" });
  return folder;
}

function valuesIn(name: string): Float32Array {
  const tensor = readSafetensors(join(golden, "decoder_short.safetensors"), [name]).tensors[name];
  if (tensor === undefined) throw new Error(`the golden file lacks ${name}`);
  return toFloat32(tensor);
}

/** What the model answers with adapters on it. */
export async function velocity(
  decoder: Decoder,
  uses: readonly { readonly path: string; readonly scale: number }[],
) {
  const opened: SamplerAdapter[] = [];
  for (const { path, scale } of uses) {
    const { adapter } = await Adapter.load(decoder, path);
    opened.push({ adapter, scale });
  }
  using sampler = new Sampler(decoder, opened);
  const result = await sampler.velocity({
    latents: valuesIn("in.x"),
    condition: valuesIn("in.cond"),
    contextLatents: valuesIn("in.context"),
    timestep: 0.625,
  });
  for (const { adapter } of opened) adapter.close();
  return result;
}

/** Largest difference over the largest value. */
export function distance(got: Float32Array, want: Float32Array): number {
  const top = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - (want[i] ?? NaN))), 0) / top;
}
