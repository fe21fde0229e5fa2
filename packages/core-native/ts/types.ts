// The words that cross the native boundary. Plain data only: no class, no function.

/** `auto` is resolved once and told by {@link DeviceInfo}; a named device that is missing is an error. */
export type DeviceName = "auto" | "cpu" | "cuda" | `cuda:${number}`;

export interface DeviceInfo {
  readonly name: "cpu" | `cuda:${number}`;
  /** Human name, e.g. "AMD EPYC" or "NVIDIA H100". */
  readonly description: string;
  /** CPU: instruction set chosen at run time (`scalar`, `avx2`, `avx512`); CUDA: architecture, e.g. `sm_90`. */
  readonly instructionSet: string;
  /** Which build of the native core runs: two builds may round differently, so a run remembers its own. */
  readonly buildId: string;
  readonly memoryBytes: number;
  /** Free when the device was looked up. */
  readonly freeBytes: number;
  /** Threads of the CPU's kernels. */
  readonly threads: number;
  /** CUDA: `9.0`. */
  readonly computeCapability?: string;
  /** CUDA: the version of CUDA that the driver serves. */
  readonly driverVersion?: string;
  /** CUDA: where the matrix products come from. */
  readonly cublasLt?: { readonly path: string; readonly version: string };
  /** What `auto` chose and why, or why the device cannot be used: one line for the user. */
  readonly note?: string;
}

/** Numbers read from a checkpoint's `config.json`; see docs/architecture.md for the symbols. */
export interface ModelConfig {
  readonly hiddenSize: number;
  readonly encoderHiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly slidingWindow: number;
  readonly textHiddenSize: number;
  readonly timbreFrames: number;
  readonly patchSize: number;
  readonly latentChannels: number;
  readonly timestepMu: number;
  readonly timestepSigma: number;
  readonly isTurbo: boolean;
  readonly modelVersion: string;
  readonly isXl: boolean;
  /** SHA-256 (hex) over the header of the checkpoint's tensors (names, dtypes, shapes) and 64 KiB of each: the identity an adapter remembers. */
  readonly fingerprint: string;
}

export interface AdapterCommon {
  /** > 0. */
  readonly rank: number;
  readonly alpha: number;
  /**
   * Which linears of the decoder's layers: module suffixes (`q_proj`), suffixes with their parent
   * (`cross_attn.q_proj`), full names (`layers.3.mlp.up_proj`) or patterns with `*` (`layers.1?.*.q_proj`).
   */
  readonly targetModules: readonly string[];
  /** Rank / alpha by the same kinds of names; the longest match wins. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
}
export interface LoraConfig extends AdapterCommon {
  readonly kind: "lora" | "dora";
  /** Probability of dropping an input of the A product, 0 to 1 (exclusive). */
  readonly dropout?: number;
  /** scale = alpha / sqrt(rank) instead of alpha / rank. */
  readonly rsLora?: boolean;
}
export interface LokrConfig extends AdapterCommon {
  readonly kind: "lokr";
  /** -1: the most square factorisation. */
  readonly factor?: number;
  readonly decomposeBoth?: boolean;
  readonly fullMatrix?: boolean;
  readonly weightDecompose?: boolean;
  readonly rankDropout?: number;
  readonly rankDropoutScale?: boolean;
}
export interface LohaConfig extends AdapterCommon {
  readonly kind: "loha";
  readonly weightDecompose?: boolean;
  readonly rankDropout?: number;
  readonly rankDropoutScale?: boolean;
}
export type AdapterConfig = LoraConfig | LokrConfig | LohaConfig;
/** No adapter, but the measure of each frozen weight's own gradient: see `GradientProbe`. */
export interface ProbeConfig extends AdapterCommon {
  readonly kind: "probe";
}

/** What became of each tensor of a file when it was loaded. */
export interface LoadReport {
  readonly matched: readonly string[];
  /** In the model's adapter but not in the file. */
  readonly missing: readonly string[];
  /** In the file but without a place, and not zero: part of the adapter that is not played. */
  readonly unexpected: readonly string[];
  /** In the file without a place, of modules that change nothing: official LoKr files are full of them. */
  readonly ignored?: readonly string[];
  /** At which scale (alpha / rank) the file is played, of an adapter loaded from one. */
  readonly scale?: AdapterScale;
}

/** Where a file says at which scale its change is added, and the scales that gives over its modules. */
export interface AdapterScale {
  /** `nothing`: the file does not say, so it is 1, as in every client. */
  readonly from: "adapter_config.json" | "alpha tensors" | "metadata" | "nothing";
  readonly least: number;
  readonly most: number;
}

/** A tensor as plain data. `data` is little-endian bytes, row-major. */
export interface HostTensor {
  readonly dtype:
    "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL" | "F8_E4M3" | "F8_E5M2";
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** One tensor's place in a safetensors file. */
export interface TensorEntry {
  readonly dtype: HostTensor["dtype"];
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export type TimestepLaw =
  /** The larger of two logit-normal draws: what the authors' model.forward does. */
  | { readonly law: "logit-normal-max2"; readonly mu: number; readonly sigma: number }
  | { readonly law: "logit-normal"; readonly mu: number; readonly sigma: number }
  | { readonly law: "uniform"; readonly low: number; readonly high: number }
  /** Each value with the same probability; at most 64. */
  | { readonly law: "discrete"; readonly table: readonly number[] };

/** From the fastest to the thriftiest. */
export const recomputePolicies = ["none", "cheap", "mlp", "block"] as const;
/**
 * One of {@link recomputePolicies} for all layers, or for the first ones only: under `mlp:12` the first twelve layers are
 * recomputed as by `mlp`, the others as by the next faster policy, `cheap`.
 */
export type RecomputePolicy =
  (typeof recomputePolicies)[number] | `${Exclude<(typeof recomputePolicies)[number], "none">}:${number}`;

interface WeightDecay {
  /** Decoupled, times the learning rate. */
  readonly weightDecay: number;
}
interface AdamConfig extends WeightDecay {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}
/**
 * How gradients become steps. AdamW (Loshchilov & Hutter 2019); its moments in eight bits (Dettmers et al. 2022); AdamW
 * without a schedule (Defazio et al. 2024), whose weights outside a step are the average, never those it trains at;
 * Adafactor (Shazeer & Stern 2018); Prodigy (Mishchenko & Defazio 2024); Lion (Chen et al. 2023); Muon for matrices
 * with AdamW for the rest (Jordan et al. 2024).
 */
export type OptimizerConfig = OptimizerKindConfig & {
  /**
   * Decay d of an exponential average of the parameters: `average += (1 - d) (parameter - average)` after each update but a
   * skipped one, d being min(emaDecay, (1 + n) / (10 + n)) in the n-th. Outside a step the parameters are then the average,
   * and what is trained is part of the optimizer's state (`trained.<tensor>`). Default 0: none. Not for schedulefree,
   * whose parameters are an average already.
   */
  readonly emaDecay?: number;
};
type OptimizerKindConfig =
  | (AdamConfig & { readonly kind: "adamw" | "adamw8bit" | "schedulefree" })
  | (WeightDecay & { readonly kind: "lion"; readonly beta1: number; readonly beta2: number })
  | (WeightDecay & {
      readonly kind: "adafactor";
      /** 0: no first moment. */
      readonly beta1: number;
      /** beta2 of step t is 1 - t to this power. */
      readonly decayExponent: number;
      /** Of an update's root mean square, a tensor at a time. */
      readonly clipThreshold: number;
      readonly squaresEpsilon: number;
      readonly scaleEpsilon: number;
      /** The learning rate is relative to a tensor's root mean square; default false. */
      readonly scaleParameter?: boolean;
      /** The learning rate is at most 1 / sqrt(t); default false. */
      readonly relativeStep?: boolean;
    })
  | (AdamConfig & {
      readonly kind: "prodigy";
      readonly initialDistance: number;
      readonly distanceCoefficient: number;
      /** Default: without limit. */
      readonly growthRate?: number | undefined;
      /** Default: the root of beta2. */
      readonly beta3?: number | undefined;
      /** Default true. */
      readonly safeguardWarmup?: boolean;
      /** Default true. */
      readonly biasCorrection?: boolean;
    })
  | (AdamConfig & {
      readonly kind: "muon";
      readonly momentum: number;
      /** Default true. */
      readonly nesterov?: boolean;
      /** 0.2 sqrt(longer side) instead of sqrt(max(1, rows / columns)); default true. */
      readonly matchAdamw?: boolean;
    });

/**
 * Weight of a sample's loss by its timestep t, 1 being pure noise. With snr = ((1 - t) / t)², `min-snr` is
 * min(snr, gamma) / snr (less for nearly clean samples), `min-snr-inverse` the same on 1 / snr (less for nearly pure
 * noise). `table`: points [t, weight] with t rising, linear between them and constant outside.
 */
export type LossWeighting =
  | { readonly law: "none" }
  | { readonly law: "min-snr" | "min-snr-inverse"; readonly gamma: number }
  | { readonly law: "table"; readonly points: readonly (readonly [timestep: number, weight: number])[] };

export interface TrainSessionConfig {
  readonly seed: number;
  readonly optimizer: OptimizerConfig;
  /** LoRA+: learning rate of the B factors of lora and dora over the others'; default 1. */
  readonly loraPlusRatio?: number;
  /** Factor of the learning rate by the kinds of names of {@link AdapterCommon.targetModules}; the longest match wins. */
  readonly learningRatePattern?: Readonly<Record<string, number>>;
  /** Weight decay for magnitudes as well as for matrices; default false. */
  readonly decayVectors?: boolean;
  /** Global L2 norm the gradient is clipped to; 0 switches clipping off. */
  readonly maxGradNorm: number;
  readonly timesteps: TimestepLaw;
  /** `bf16` rounds t and 1000 t as upstream's bf16 runs do. */
  readonly timestepRounding: "exact" | "bf16";
  /** Probability that a sample's condition is replaced by the null condition. */
  readonly conditionDropout: number;
  /** How much a sample's loss counts by its timestep; default none. Evaluation is never weighted by it. */
  readonly lossWeighting?: LossWeighting;
  /**
   * What is kept for the backward pass: `none` recomputes nothing, `cheap` recomputes norms and the SwiGLU
   * product, `mlp` the MLP's gate and up as well, `block` keeps each layer's input only; with a number of layers, as
   * `mlp:12`, only so many of them, the others as the policy before. Results are the same bit for bit.
   */
  readonly recompute: RecomputePolicy;
  /** Shapes are rounded up to these, so that programs are shared; results stay within 1e-5. */
  readonly buckets: { readonly decoderTokens: number; readonly conditionTokens: number };
  /**
   * `masked`: each sample sees its own true length, loss counts true frames only.
   * `packed`: the same numbers (but for dropout's draws), the songs of a batch behind one another, none padded to another's
   * length: each takes as many decoder and condition tokens as it has, rounded up to 32.
   * `official`: a batch is padded to its longest member, padding is attended to and counted.
   */
  readonly padding: "masked" | "packed" | "official";
  /**
   * Bytes of songs that may lie on the device; the others stay in pinned main memory and are copied beside the kernels of
   * the micro-batch before. Default: all songs lie on the device. Results are the same bit for bit.
   */
  readonly residentBytes?: number;
}

/** One training sample handed over to the device once. All row-major float32. */
export interface TrainSample {
  /** [frames, 64]. */
  readonly latents: Float32Array;
  /** Encoder hidden states, one entry per caption variant: [tokens, encoderHiddenSize]. At least one. */
  readonly conditions: readonly Float32Array[];
  /** [frames, 128] (source latents, mask). */
  readonly contextLatents: Float32Array;
}

/** Which sample a place in a micro-batch trains on, and everything random about it that a caller may fix. */
export interface SampleRef {
  /** Handle of {@link TrainSession.addSample}. */
  readonly sample: number;
  /** Counter that seeds this place's noise, timestep and dropout together with (seed, step): unique within a step. */
  readonly key: number;
  /** First latent frame of the crop, default 0. */
  readonly start?: number;
  /** Frames of the crop, default all. */
  readonly frames?: number;
  /** Which condition variant, default 0. */
  readonly variant?: number;
  /** Fixed timestep in (0, 1] instead of a draw. */
  readonly timestep?: number;
  /** Fixed noise [frames, 64] instead of a draw. */
  readonly noise?: Float32Array;
  /** Fixed choice instead of a draw. */
  readonly dropCondition?: boolean;
  /** Factor of this sample's loss and gradient, from 0; default 1. */
  readonly weight?: number;
}

export interface StepInput {
  /** Number of the optimizer step, from 0. Part of every random counter. */
  readonly step: number;
  readonly learningRate: number;
  /** Gradients of all micro-batches are accumulated as if they were one batch, then one update is made. */
  readonly microBatches: readonly (readonly SampleRef[])[];
  /** Tell the norm of each module's gradient as well; costs one more pass over the gradients. */
  readonly moduleNorms?: boolean;
}

export interface SampleResult {
  /** Mean squared error, without any weight. */
  readonly loss: number;
  readonly timestep: number;
  readonly conditionDropped: boolean;
}

export interface StepResult {
  /** Mean squared error over all counted elements of the step. */
  readonly loss: number;
  /** Global L2 norm before clipping. */
  readonly gradNorm: number;
  /** A NaN or infinity was met in loss or gradient: nothing was updated, the optimizer's counter stands still. */
  readonly skipped: boolean;
  /** In the order of the micro-batches. */
  readonly samples: readonly SampleResult[];
  /**
   * L2 norm of each module's gradient before clipping, by the module's full name; there where it was asked for, or the
   * step was skipped.
   */
  readonly moduleNorms?: Readonly<Record<string, number>>;
  /** Wall time of the native call. */
  readonly milliseconds: number;
}

/** Bytes by part, exact before anything is allocated. */
export interface MemoryPlan {
  readonly weightBytes: number;
  /** Activations and scratch of the largest program. */
  readonly arenaBytes: number;
  readonly adapterBytes: number;
  readonly gradientBytes: number;
  readonly optimizerBytes: number;
  readonly datasetBytes: number;
  /** Packing buffers and attention tiles of the threads. */
  readonly scratchBytes: number;
  readonly totalBytes: number;
  /** Floating-point operations of matrix products in one micro-batch, forward and backward. */
  readonly flopsPerMicroBatch: number;
}

export interface PlanRequest {
  readonly batch: number;
  readonly frames: number;
  readonly conditionTokens: number;
  readonly adapter: AdapterConfig | ProbeConfig;
  readonly recompute: RecomputePolicy;
  /** Default: AdamW. */
  readonly optimizer?: OptimizerConfig;
  readonly buckets?: TrainSessionConfig["buckets"];
  /** Default: masked. */
  readonly padding?: TrainSessionConfig["padding"];
  /** Bytes of all samples that will be resident. */
  readonly datasetBytes?: number;
}

export interface SampleRequest {
  /** [tokens, encoderHiddenSize]. */
  readonly condition: Float32Array;
  /** [frames, 128]. */
  readonly contextLatents: Float32Array;
  readonly seed: number;
  /** Overrides the seeded start noise: [frames, 64]. */
  readonly noise?: Float32Array;
  /** Fresh noises of the SDE, one [frames, 64] for each step but the last; default drawn from the seed. */
  readonly renoise?: readonly Float32Array[];
  /** Falling times in (0, 1], without the final 0. */
  readonly times: readonly number[];
  readonly method: "ode" | "sde";
  /** Guidance scale; <= 1 is off. With guidance the null condition is evaluated too (APG). */
  readonly guidance?: number;
  /** Times [from, to] between which guidance works; default [0, 1]. */
  readonly guidanceInterval?: readonly [number, number];
  /** How much of the last step's difference is carried on; default -0.75. */
  readonly guidanceMomentum?: number;
  /** Largest length of the difference along time, a channel; 0: none; default 2.5. */
  readonly guidanceLimit?: number;
  /** Share kept of what lies along the velocity; default 0. */
  readonly guidanceParallel?: number;
  /** [tokens, encoderHiddenSize] to be led away from, in place of the learned null condition. */
  readonly negative?: Float32Array;
}

export interface ConditionRequest {
  /** Text encoder output [text tokens, textHiddenSize]. */
  readonly text: Float32Array;
  /** Rows of the text encoder's embedding table [lyric tokens, textHiddenSize]; may be empty. */
  readonly lyrics: Float32Array;
  /** Reference latents, each [frames, 64]; one silent clip of {@link ModelConfig.timbreFrames} where there is no reference. */
  readonly timbre: readonly Float32Array[];
  /** 0/1 masks of the text and lyric tokens (official padding); default all valid. */
  readonly textMask?: Uint8Array;
  readonly lyricMask?: Uint8Array;
}

export interface ConditionResult {
  /** [tokens, encoderHiddenSize], valid tokens first. */
  readonly hiddenStates: Float32Array;
  readonly tokens: number;
  /** How many of them are valid; the rest is padding in its packed order. */
  readonly validTokens: number;
  /** Token ranges [from, to) of the parts. */
  readonly segments: {
    readonly lyrics: readonly [number, number];
    readonly timbre: readonly [number, number];
    readonly text: readonly [number, number];
  };
}
