import type { Checkpoint, HostTensor } from "@acewright/core-native";
import { openCheckpoint, readSafetensors, toFloat32 } from "@acewright/core-native";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { NetworkTensor } from "../onnx/network.js";
import { Network } from "../onnx/network.js";
import { readOobleckConfig } from "./oobleck-config.js";
import { oobleckDecoder, oobleckEncoder } from "./oobleck-graph.js";
import { qwen3Causal } from "./qwen3-causal-graph.js";
import { readQwen3Config } from "./qwen3-config.js";
import { qwen3Encoder, qwen3Positions } from "./qwen3-graph.js";
import { qwen3Weights } from "./text-encoder.js";

/** What became of one golden file. */
export interface CaseResult {
  /** Folder and file without ending, e.g. `tiny_vae/case`. */
  readonly name: string;
  readonly passed: boolean;
  /** Largest error over largest value, per tensor; null where a tensor had no use or no counterpart. */
  readonly errors: Readonly<Record<string, number | null>>;
  /** Tensors of the file that were inputs. */
  readonly consumed: number;
  /** Tensors of the file that were compared. */
  readonly compared: number;
}

/** Mark of the golden folder's README for float32. */
const mark = 1e-5;

const cpu = { device: { name: "cpu", reason: "golden" } } as const;

/**
 * Runs the frozen networks on a golden folder: every subfolder that holds an Oobleck autoencoder or a Qwen3 network
 * beside its `case.safetensors`. Every tensor of a case is an input or compared; one that is neither fails it.
 */
export async function runOnnxGoldenCases(folder: string): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const at = join(folder, entry.name);
    if (!existsSync(join(at, "case.safetensors"))) continue;
    if (existsSync(join(at, "diffusion_pytorch_model.safetensors"))) results.push(await attempt(at, vaeCase));
    else if (existsSync(join(at, "config.json"))) results.push(await attempt(at, qwen3Case));
  }
  return results;
}

/** A case that cannot even run is a case that failed; the reason stands in place of a tensor's name. */
async function attempt(folder: string, run: (folder: string) => Promise<CaseResult>): Promise<CaseResult> {
  try {
    return await run(folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { name: caseName(folder), passed: false, errors: { [reason]: null }, consumed: 0, compared: 0 };
  }
}

function caseName(folder: string): string {
  return `${basename(folder)}/case`;
}

async function vaeCase(folder: string): Promise<CaseResult> {
  const tensors = caseTensors(folder);
  const config = readOobleckConfig(folder);
  const weights = new CheckpointWeights(openCheckpoint(folder, "diffusion_pytorch_model"));
  const encoder = await Network.open("VAE encoder", oobleckEncoder(config, weights, true), cpu);
  const encoded = await encoder.run({ wave: input(tensors, "in.wave") });
  await encoder.close();
  const decoder = await Network.open("VAE decoder", oobleckDecoder(config, weights, true), cpu);
  const decoded = await decoder.run({ latents: input(tensors, "in.latent") });
  await decoder.close();
  weights.refuseUnused(() => false);
  const { mean, std, ...encoderBlocks } = encoded;
  const { wave, ...decoderBlocks } = decoded;
  const ours = { "out.mean": mean, "out.std": std, "out.wave": wave, ...encoderBlocks, ...decoderBlocks };
  return compare(folder, tensors, ["in.wave", "in.latent"], ours);
}

async function qwen3Case(folder: string): Promise<CaseResult> {
  const tensors = caseTensors(folder);
  return "out.logits" in tensors ? await causalCase(folder, tensors) : await encoderCase(folder, tensors);
}

/** A language model: logits of every token, in one pass without a past. */
async function causalCase(
  folder: string,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<CaseResult> {
  const config = readQwen3Config(folder);
  const network = await Network.open(
    "language model",
    qwen3Causal(config, openCheckpoint(folder), true),
    cpu,
  );
  const ids = input(tensors, "in.ids");
  const past: Record<string, NetworkTensor> = {};
  for (let i = 0; i < config.layers; i++) {
    const none = { data: new Float32Array(0), shape: [1, 0, config.kvHeads, config.headDim] };
    past[`past_key.${i}`] = past[`past_value.${i}`] = none;
  }
  const positions = qwen3Positions(config, ids.shape.at(-1) as number);
  const { logits } = await network.run({ ids, ...positions, ...past }, ["logits"]);
  await network.close();
  return compare(folder, tensors, ["in.ids"], { "out.logits": logits });
}

async function encoderCase(
  folder: string,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<CaseResult> {
  const config = readQwen3Config(folder);
  const checkpoint: Checkpoint = openCheckpoint(folder);
  const weights = qwen3Weights(checkpoint);
  const network = await Network.open("text encoder", qwen3Encoder(config, weights, true), cpu);
  const ids = input(tensors, "in.ids");
  const { hidden, embedding, ...layers } = await network.run({
    ids,
    ...qwen3Positions(config, ids.shape.at(-1) as number),
  });
  await network.close();
  weights.refuseUnused(() => false);
  return compare(folder, tensors, ["in.ids"], {
    "out.hidden": hidden,
    "out.embedding": embedding,
    ...layers,
  });
}

function caseTensors(folder: string): Record<string, HostTensor> {
  return readSafetensors(join(folder, "case.safetensors")).tensors;
}

function input(tensors: Readonly<Record<string, HostTensor>>, name: string): NetworkTensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`the golden case lacks ${name}`);
  const data = tensor.dtype === "I64" ? new BigInt64Array(tensor.data.slice().buffer) : toFloat32(tensor);
  return { data, shape: tensor.shape };
}

function compare(
  folder: string,
  tensors: Readonly<Record<string, HostTensor>>,
  inputs: readonly string[],
  ours: Readonly<Record<string, Float32Array | undefined>>,
): CaseResult {
  const errors: Record<string, number | null> = {};
  let compared = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (inputs.includes(name)) continue;
    const result = ours[name];
    errors[name] = result === undefined ? null : relativeError(result, toFloat32(tensor));
    if (result !== undefined) compared++;
  }
  const passed = Object.values(errors).every((error) => error !== null && error < mark);
  return { name: caseName(folder), passed, errors, consumed: inputs.length, compared };
}

/** Largest absolute error over the largest absolute value; null when the lengths differ or a value is not a number. */
function relativeError(ours: Float32Array, golden: Float32Array): number | null {
  if (ours.length !== golden.length) return null;
  let worst = 0;
  let largest = 0;
  for (const [i, value] of golden.entries()) {
    const error = Math.abs((ours[i] as number) - value);
    if (Number.isNaN(error)) return null;
    worst = Math.max(worst, error);
    largest = Math.max(largest, Math.abs(value));
  }
  return largest === 0 ? worst : worst / largest;
}
