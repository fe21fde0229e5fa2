import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Adapter,
  Decoder,
  readSafetensors,
  toFloat32,
  TrainSession,
  type AdapterConfig,
  type HostTensor,
  type OptimizerConfig,
  type SampleRef,
} from "@acewright/core-native";

/** One training run of the PyTorch reference on the toy checkpoint's three clips. */
interface ReferenceRun {
  readonly kind: AdapterConfig["kind"];
  readonly rank: number;
  readonly alpha: number;
  readonly rsLora?: boolean;
  readonly weightDecompose?: boolean;
  readonly lr: number;
  /** Whose `init.` tensors it begins with; default its own name's. */
  readonly init?: string;
  readonly optimizer?: OptimizerConfig;
  /** Of every 10th step. */
  readonly train_loss: readonly number[];
  /** Before every 10th step, and after the last. */
  readonly val_loss: readonly number[];
}

const toy = fileURLToPath(new URL("../../../../../tools/reference/toy", import.meta.url));
const { tensors } = readSafetensors(join(toy, "expected.safetensors"));
Object.assign(tensors, readSafetensors(join(toy, "learning.safetensors")).tensors);
const read = (name: string) =>
  JSON.parse(readFileSync(join(toy, name), "utf8")) as { runs: Record<string, ReferenceRun> };
const expected = read("expected.json") as ReturnType<typeof read> & {
  steps: number;
  frames: number;
  targets: string[];
};
const runs: Readonly<Record<string, ReferenceRun>> = { ...expected.runs, ...read("learning.json").runs };

/** Every run there is a reference curve of. */
export const runNames: readonly string[] = Object.keys(runs);
/** Steps of a whole run. */
export const wholeSteps = expected.steps;

const clips = [0, 1, 2];
const perClip = expected.frames * 64;
const every = 10;

function values(name: string): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`expected.safetensors lacks ${name}`);
  return toFloat32(tensor);
}

/** The three clips of noise set `k`, as the references of one batch. */
function batchOf(set: "train" | "val", k: number): SampleRef[] {
  const noise = values(`${set}.noise`);
  const t = values(`${set}.t`);
  return clips.map((clip) => {
    const place = k * clips.length + clip;
    return {
      sample: clip,
      key: clip,
      timestep: t[place] as number,
      noise: noise.slice(place * perClip, (place + 1) * perClip),
      dropCondition: false,
    };
  });
}

/** The adapter as the reference began: given tensors, magnitudes as they are when fresh, zero where nothing is given. */
async function beginAsReference(adapter: Adapter, init: string): Promise<void> {
  const start: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(await adapter.tensors())) {
    if (name.endsWith(".alpha")) continue;
    const isMagnitude = /lora_magnitude_vector$|dora_scale$/.test(name);
    const zero = { ...tensor, data: new Uint8Array(tensor.data.length) };
    start[name] = tensors[`init.${init}.${name}`] ?? (isMagnitude ? tensor : zero);
  }
  const { unexpected } = await adapter.setTensors(start);
  if (unexpected.length > 0) throw new Error(`no place for ${unexpected.join(", ")}`);
}

const worstRelative = (got: readonly number[], want: readonly number[]): number =>
  Math.max(...got.map((g, i) => Math.abs(g / (want[i] ?? NaN) - 1)));

export interface Replayed {
  /** Of any loss the reference lists, training and validation. */
  readonly worst: number;
  readonly validation: readonly number[];
}

/** Trains as the reference did for `steps` steps (a multiple of 10) and compares each loss it lists. */
export async function replay(name: string, steps: number): Promise<Replayed> {
  const run = runs[name];
  if (run === undefined) throw new Error(`no run ${name}`);
  using decoder = await Decoder.open(join(toy, "checkpoints/acestep-v15-toy"));
  const { kind, rank, alpha, rsLora, weightDecompose } = run;
  const config = {
    kind,
    rank,
    alpha,
    targetModules: expected.targets,
    ...(rsLora && { rsLora }),
    ...(weightDecompose && { weightDecompose }),
  } as AdapterConfig;
  using adapter = await Adapter.create(decoder, config, 1);
  await beginAsReference(adapter, run.init ?? name);
  using session = await TrainSession.open(decoder, adapter, {
    seed: 1,
    optimizer: run.optimizer ?? {
      kind: "adamw",
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
    },
    decayVectors: true, // as the reference does
    maxGradNorm: 0,
    timesteps: { law: "uniform", low: 0, high: 1 },
    timestepRounding: "exact",
    conditionDropout: 0,
    recompute: "none",
    buckets: { decoderTokens: 64, conditionTokens: 32 },
    padding: "masked",
  });
  for (const clip of clips) {
    await session.addSample({
      latents: values(`x0.${clip}`),
      conditions: [values(`cond.${clip}`)],
      contextLatents: values("context"),
    });
  }
  const validate = async () => (await session.evaluate([0, 1, 2, 3].map((k) => batchOf("val", k)))).loss;
  const training: number[] = [];
  const validation: number[] = [];
  for (let step = 0; step < steps; step++) {
    if (step % every === 0) validation.push(await validate());
    const { loss } = await session.step({
      step,
      learningRate: run.lr,
      microBatches: [batchOf("train", step % 16)],
    });
    if (step % every === 0) training.push(loss);
  }
  validation.push(await validate());
  const worst = Math.max(
    worstRelative(training, run.train_loss.slice(0, steps / every)),
    worstRelative(validation, run.val_loss.slice(0, steps / every + 1)),
  );
  return { worst, validation };
}
