import { join } from "node:path";
import {
  AceError,
  fromFloat32,
  readSafetensors,
  toFloat32,
  writeFileAtomic,
  writeSafetensors,
  type DeviceInfo,
  type HostTensor,
  type MemoryPlan,
  type ModelConfig,
  type PlanRequest,
  type RecomputePolicy,
  type SampleRef,
  type SampleRequest,
  type StepInput,
  type StepResult,
  type TrainSample,
  type TrainSessionConfig,
} from "@acewright/core-native";
import type { AdapterPort, DecoderPort, NativePort, PlanningPort, SessionPort } from "../src/native-port.js";
import { randomStream } from "../src/plan/counter-random.js";
import type { SampleSource } from "../src/sample-source.js";

/** Ways to make the model misbehave, or dawdle. */
export interface Mischief {
  /** Steps (from 0) whose loss is NaN. */
  readonly nanAt?: (step: number) => boolean;
  /** Awaited in every step. */
  readonly duringStep?: (step: number) => Promise<void>;
  readonly failAt?: (step: number, recompute: RecomputePolicy) => Error | undefined;
  /** Told of every step as it is asked. */
  readonly onStep?: (input: StepInput) => void;
  /** Told of every session as it is opened. */
  readonly onSession?: (config: TrainSessionConfig) => void;
  /** Told of every question of the validation. */
  readonly onQuestion?: (options: { readonly seed: number; readonly step: number }) => void;
  /** Another device than a CPU with room enough. */
  readonly device?: Partial<DeviceInfo>;
  /** What a step of this size needs. */
  readonly plan?: (request: PlanRequest) => MemoryPlan;
  readonly evaluateDelay?: () => Promise<void>;
  /** What a question of the validation answers instead of its loss. */
  readonly answer?: (loss: number) => number;
  /** The record of the products' algorithms at each time it is asked for. */
  readonly algorithms?: () => string;
  /** Told of the record a run takes; may throw. */
  readonly onAlgorithms?: (record: string) => void;
  /** Told whether products are tuned. */
  readonly onTune?: (on: boolean) => void;
}

const width = 16;
/** The one module: both factors are its own. */
const moduleName = "layers.0.self_attn.q_proj";
const names = ["lora_A", "lora_B"].map((part) => `base_model.model.${moduleName}.${part}.weight`);

const model: ModelConfig = {
  hiddenSize: width,
  encoderHiddenSize: 8,
  intermediateSize: 32,
  layers: 1,
  heads: 1,
  kvHeads: 1,
  headDim: width,
  slidingWindow: 128,
  textHiddenSize: 8,
  timbreFrames: 4,
  patchSize: 2,
  latentChannels: 64,
  timestepMu: -0.4,
  timestepSigma: 1,
  isTurbo: true,
  modelVersion: "quadratic",
  isXl: false,
  fingerprint: "f".repeat(64),
};

const deviceInfo: DeviceInfo = {
  name: "cpu",
  description: "test",
  instructionSet: "scalar",
  buildId: "test",
  memoryBytes: 1e9,
  freeBytes: 1e9,
  threads: 1,
};

export const memory: MemoryPlan = {
  weightBytes: 0,
  arenaBytes: 0,
  scratchBytes: 0,
  adapterBytes: 2 * width * 4,
  gradientBytes: 2 * width * 4,
  optimizerBytes: 4 * width * 4,
  datasetBytes: 0,
  totalBytes: 8 * width * 4,
  flopsPerMicroBatch: 1,
};

/**
 * A real, tiny model: the adapter's delta A * B shall meet the mean of a song's latents, under noise drawn from (seed,
 * step, key). Trained by AdamW in float32, so every bit is reproducible and a wrong counter, order or optimizer state shows.
 */
export function quadraticModel(mischief: Mischief = {}): NativePort {
  const planning = (info: Partial<DeviceInfo> = {}): PlanningPort => ({
    info: { ...deviceInfo, ...info },
    readModel: (folder) => ({ folder, config: model }),
    planMemory: (_folder, request) => Promise.resolve(mischief.plan?.(request) ?? memory),
  });
  return {
    assumeDevice: (kind, bytes) =>
      planning({ name: kind === "cpu" ? "cpu" : "cuda:0", memoryBytes: bytes, freeBytes: bytes }),
    openDevice: () => ({
      ...planning(mischief.device),
      algorithms: () => Promise.resolve(mischief.algorithms?.() ?? ""),
      useAlgorithms: async (record) => {
        await Promise.resolve();
        mischief.onAlgorithms?.(record);
      },
      tuneProducts: async (on) => {
        await Promise.resolve();
        mischief.onTune?.(on);
      },
      openDecoder: (): Promise<DecoderPort> =>
        Promise.resolve({
          createAdapter: (_config, seed) => Promise.resolve(new QuadraticAdapter(seed, mischief)),
          close: () => undefined,
        }),
    }),
  };
}

class QuadraticAdapter implements AdapterPort {
  readonly parameterCount = 2 * width;
  readonly values: [Float32Array, Float32Array];
  constructor(
    seed: number,
    private readonly mischief: Mischief,
  ) {
    const next = randomStream(seed, "order", 0xada);
    this.values = [Float32Array.from({ length: width }, () => next() - 0.5), new Float32Array(width)];
  }
  save(folder: string, metadata: Record<string, string>): Promise<string[]> {
    const weights = join(folder, "adapter_model.safetensors");
    const config = join(folder, "adapter_config.json");
    writeSafetensors(weights, this.named(), metadata);
    writeFileAtomic(config, JSON.stringify({ peft_type: "LORA", r: 1 }));
    return Promise.resolve([weights, config]);
  }
  tensors(): Promise<Record<string, HostTensor>> {
    return Promise.resolve(this.named());
  }
  private named(): Record<string, HostTensor> {
    return Object.fromEntries(
      names.map((name, i) => [name, fromFloat32(this.values[i] ?? never(), [width])]),
    );
  }
  setTensors(tensors: Record<string, HostTensor>) {
    const given = Object.keys(tensors);
    names.forEach((name, i) => {
      const tensor = tensors[name];
      if (tensor !== undefined) this.values[i]?.set(toFloat32(tensor));
    });
    return Promise.resolve({
      matched: given.filter((name) => names.includes(name)),
      missing: names.filter((name) => !given.includes(name)),
      unexpected: given.filter((name) => !names.includes(name)),
    });
  }
  async continueFrom(path: string): Promise<void> {
    await this.setTensors(readSafetensors(path).tensors);
  }
  effect(): Promise<number> {
    const [a, b] = this.values;
    return Promise.resolve(Math.max(...Array.from(a, (value, i) => Math.abs(value * at(b, i)))));
  }
  /** The adapter's delta, once a frame. */
  sample(request: SampleRequest): Promise<Float32Array> {
    const [a, b] = this.values;
    const delta = Float32Array.from(a, (value, i) => value * at(b, i));
    return Promise.resolve(
      Float32Array.from({ length: request.contextLatents.length / 2 }, (_, i) => at(delta, i % width)),
    );
  }
  openSession(config: TrainSessionConfig): Promise<SessionPort> {
    this.mischief.onSession?.(config);
    return Promise.resolve(new QuadraticSession(this, config, this.mischief));
  }
  close(): void {
    this.values[0].fill(NaN);
  }
}

class QuadraticSession implements SessionPort {
  private readonly samples: Float32Array[] = [];
  private readonly mean = [new Float32Array(width), new Float32Array(width)];
  private readonly square = [new Float32Array(width), new Float32Array(width)];
  private updates = 0;
  private closed = false;
  private busy = false;
  constructor(
    private readonly adapter: QuadraticAdapter,
    private readonly config: TrainSessionConfig,
    private readonly mischief: Mischief,
  ) {}

  addSample(sample: TrainSample): Promise<number> {
    this.samples.push(sample.latents);
    return Promise.resolve(this.samples.length - 1);
  }

  async step(input: StepInput): Promise<StepResult> {
    if (this.closed || this.busy) throw new AceError("ERR_DISPOSED", "step: session is closed or busy");
    this.busy = true;
    try {
      this.mischief.onStep?.(input);
      const error = this.mischief.failAt?.(input.step, this.config.recompute);
      if (error !== undefined) throw error;
      await this.mischief.duringStep?.(input.step);
      return this.update(input);
    } finally {
      this.busy = false;
    }
  }

  private update(input: StepInput): StepResult {
    const refs = input.microBatches.flat();
    if (new Set(refs.map(({ key }) => key)).size !== refs.length)
      throw new Error("keys of a step must differ");
    const [a, b] = this.adapter.values;
    const gradient = [new Float64Array(width), new Float64Array(width)] as const;
    const losses = refs.map((ref) => this.judge(ref, this.config.seed, input.step, gradient, refs.length));
    const gradNorm = Math.sqrt([...gradient[0], ...gradient[1]].reduce((sum, g) => sum + g * g, 0));
    const skipped = this.mischief.nanAt?.(input.step) === true;
    const loss = skipped ? NaN : losses.reduce((sum, value) => sum + value, 0) / refs.length;
    if (!skipped) this.adamW([a, b], gradient, input.learningRate, gradNorm);
    const samples = losses.map((value) => ({
      loss: skipped ? NaN : value,
      timestep: 0.5,
      conditionDropped: false,
    }));
    const norm = skipped ? NaN : gradNorm;
    const told = (input.moduleNorms === true || skipped) && { moduleNorms: { [moduleName]: norm } };
    return { loss, gradNorm: norm, skipped, samples, ...told, milliseconds: 0 };
  }

  private judge(
    ref: SampleRef,
    seed: number,
    step: number,
    gradient: readonly [Float64Array, Float64Array] | undefined,
    count: number,
  ): number {
    const latents = this.samples[ref.sample] ?? never();
    const start = ref.start ?? 0;
    const frames = ref.frames ?? latents.length / 64;
    const noise = randomStream(seed, "crop", step, ref.key);
    const [a, b] = this.adapter.values;
    let loss = 0;
    for (let d = 0; d < width; d++) {
      let target = 0;
      for (let t = start; t < start + frames; t++) target += at(latents, t * 64 + d) / frames;
      const error = at(a, d) * at(b, d) - target - 0.1 * (noise() - 0.5) - 0.01 * (ref.variant ?? 0);
      loss += (error * error) / width;
      if (gradient === undefined) continue;
      gradient[0][d] = at(gradient[0], d) + (2 * error * at(b, d)) / width / count;
      gradient[1][d] = at(gradient[1], d) + (2 * error * at(a, d)) / width / count;
    }
    return loss;
  }

  private adamW(
    values: readonly Float32Array[],
    gradient: readonly Float64Array[],
    learningRate: number,
    norm: number,
  ): void {
    const { optimizer } = this.config;
    if (optimizer.kind !== "adamw") throw new AceError("ERR_CONFIG", "the quadratic model knows AdamW alone");
    const { beta1, beta2, epsilon, weightDecay } = optimizer;
    const { maxGradNorm } = this.config;
    const clip = maxGradNorm > 0 && norm > maxGradNorm ? maxGradNorm / norm : 1;
    this.updates++;
    values.forEach((value, i) => {
      const m = this.mean[i] ?? never();
      const v = this.square[i] ?? never();
      for (let d = 0; d < width; d++) {
        const g = at(gradient[i] ?? never(), d) * clip;
        m[d] = beta1 * at(m, d) + (1 - beta1) * g;
        v[d] = beta2 * at(v, d) + (1 - beta2) * g * g;
        const mHat = at(m, d) / (1 - beta1 ** this.updates);
        const vHat = at(v, d) / (1 - beta2 ** this.updates);
        value[d] =
          at(value, d) * (1 - learningRate * weightDecay) -
          (learningRate * mHat) / (Math.sqrt(vHat) + epsilon);
      }
    });
  }

  async evaluate(
    microBatches: readonly (readonly SampleRef[])[],
    options: { readonly seed: number; readonly step: number },
  ) {
    if (this.closed || this.busy) throw new AceError("ERR_DISPOSED", "evaluate: session is closed or busy");
    this.mischief.onQuestion?.(options);
    await this.mischief.evaluateDelay?.();
    const { answer = (loss: number) => loss } = this.mischief;
    const samples = microBatches.flat().map((ref) => ({
      loss: answer(this.judge(ref, options.seed, options.step, undefined, 1)),
      timestep: (ref.key % 8) / 8,
      conditionDropped: false,
    }));
    return { loss: samples.reduce((sum, { loss }) => sum + loss, 0) / samples.length, samples };
  }

  state(): Promise<Record<string, HostTensor>> {
    const counter = new Uint8Array(new BigInt64Array([BigInt(this.updates)]).buffer);
    const entries = names.flatMap((name, i): [string, HostTensor][] => [
      [`exp_avg.${name}`, fromFloat32(this.mean[i] ?? never(), [width])],
      [`exp_avg_sq.${name}`, fromFloat32(this.square[i] ?? never(), [width])],
    ]);
    const step: HostTensor = { dtype: "I64", shape: [], data: counter };
    return Promise.resolve({ ...Object.fromEntries(entries), step });
  }

  setState(state: Record<string, HostTensor>): Promise<void> {
    names.forEach((name, i) => {
      this.mean[i]?.set(toFloat32(state[`exp_avg.${name}`] ?? never()));
      this.square[i]?.set(toFloat32(state[`exp_avg_sq.${name}`] ?? never()));
    });
    this.updates = Number(new BigInt64Array((state["step"] ?? never()).data.slice().buffer)[0]);
    return Promise.resolve();
  }

  close(): void {
    if (this.busy) throw new Error("a session must not be closed during a call");
    this.closed = true;
  }
}

/** Songs of the given lengths, with latents that differ from song to song. */
export function testSongs(
  lengths: readonly number[] = [40, 56, 64, 24, 80],
  options: { readonly variants?: number; readonly hash?: string } = {},
): SampleSource {
  const tokens = Array.from({ length: options.variants ?? 2 }, (_, i) => 3 + i);
  return {
    hash: options.hash ?? "d".repeat(64),
    encoderHiddenSize: 8,
    trigger: "",
    madeWith: { name: "quadratic", fingerprint: model.fingerprint },
    songs: lengths.map((frames, i) => ({ id: `song-${i}`, frames, conditionTokens: tokens })),
    read: (index) => {
      const frames = lengths[index] ?? never();
      const next = randomStream(7, "order", index);
      return Promise.resolve({
        latents: Float32Array.from({ length: frames * 64 }, () => next() - 0.2 * index),
        conditions: tokens.map((count) => new Float32Array(count * 8)),
        contextLatents: new Float32Array(frames * 128),
      });
    },
  };
}

function at(values: { readonly [index: number]: number }, index: number): number {
  return values[index] ?? never();
}

function never(): never {
  throw new Error("out of range");
}
