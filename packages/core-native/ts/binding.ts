// The addon as it is: one declaration per exported function, beside the C++ function it is. A test compares this list
// with what the addon exports. Nothing outside this package sees it.
import type { AceError, AceErrorCode } from "./errors.js";
import type {
  AdapterConfig,
  HostTensor,
  LoadReport,
  MemoryPlan,
  ModelConfig,
  ProbeConfig,
  SampleRef,
  StepInput,
  StepResult,
  TrainSample,
  TrainSessionConfig,
} from "./types.js";

/** A native object; `close` gives its memory back, later use is ERR_DISPOSED. */
export interface NativeHandle {
  close(): void;
}
export type NativeModelConfig = Omit<ModelConfig, "fingerprint">;

/** Norms in the order of the adapter's modules. */
export type NativeStepResult = Omit<StepResult, "moduleNorms"> & { readonly moduleNorms?: Float64Array };

/** A tensor on its way in: numbers are float32 whatever the file's dtype was. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface NativeSampleRequest {
  readonly condition: Float32Array;
  readonly contextLatents: Float32Array;
  readonly seed: number;
  readonly noise?: Float32Array | undefined;
  readonly renoise?: readonly Float32Array[] | undefined;
  readonly times: readonly number[];
  readonly method: "ode" | "sde";
  readonly guidance?: number | undefined;
  readonly guidanceInterval?: readonly [number, number] | undefined;
}

export interface NativeConditionResult {
  readonly hiddenStates: Float32Array;
  readonly tokens: number;
  readonly validTokens: number;
}

/** cuBLASLt as it was opened, or what was tried and what to do. */
export type CublasLt = { readonly path: string; readonly version: string } | { readonly problem: string };

/** What this build holds of CUDA and what the driver says. Versions as CUDA writes them: 13000 is 13.0. */
export interface NativeCuda {
  /** Every operator has its CUDA kernel. */
  readonly compiled: boolean;
  /** Why there is no backend or no device; empty where there is one. */
  readonly reason: string;
  /** The CUDA version the driver serves; 0: no driver. */
  readonly driverVersion: number;
  /** The CUDA version this build needs; 0: built without CUDA. */
  readonly runtimeVersion: number;
  /** What the kernels were compiled for: `80,86,90`. */
  readonly architectures: string;
  /** Compute capabilities that the kernels are written for, with cards a user may know: `8.0 (A100), 8.6 (RTX 30)`. */
  readonly supported: string;
  readonly devices: readonly NativeCudaDevice[];
}
export interface NativeCudaDevice {
  readonly name: string;
  /** Compute capability. */
  readonly major: number;
  readonly minor: number;
  /** The kernels are written for this compute capability. */
  readonly supported: boolean;
  readonly memoryBytes: number;
}

export interface Binding {
  // binding/addon.cpp
  setErrorClass(errorClass: new (code: AceErrorCode, message: string) => AceError): void;
  openDevice(kind: "cpu" | "cuda", indexOrThreads: number): NativeHandle;
  instructionSet(): string;
  // binding/devices.cpp
  cudaDevices(): NativeCuda;
  /** Opens a context on the device, which stays; 0 where it would not open. */
  cudaFreeBytes(index: number): number;
  /** Opens the library, which then stays open. */
  cublasLt(): CublasLt;
  deviceAlgorithms(device: NativeHandle): Promise<string>;
  useAlgorithms(device: NativeHandle, record: string): Promise<void>;
  tuneProducts(device: NativeHandle, on: boolean): Promise<void>;
  // binding/decoder.cpp
  openDecoder(
    device: NativeHandle,
    folder: string,
    layers: number,
  ): Promise<{
    handle: NativeHandle;
    config: NativeModelConfig;
    nullCondition: Float32Array;
    moduleNames: string[];
    weightBytes: number;
  }>;
  readModelConfig(folder: string): NativeModelConfig;
  planMemory(
    device: NativeHandle,
    folder: string,
    request: {
      kind: "cpu" | "cuda";
      batch: number;
      frames: number;
      conditionTokens: number;
      adapter: AdapterConfig | ProbeConfig;
      recompute: string;
      buckets: { decoderTokens: number; conditionTokens: number };
      padding: string;
      datasetBytes: number;
    },
  ): Promise<MemoryPlan>;
  // binding/adapter.cpp
  createAdapter(
    decoder: NativeHandle,
    config: AdapterConfig | ProbeConfig,
    seed: number,
  ): Promise<{
    handle: NativeHandle;
    parameterCount: number;
    moduleNames: string[];
    ranks: number[];
    alphas: number[];
  }>;
  adapterTensors(adapter: NativeHandle): Promise<Record<string, HostTensor>>;
  adapterSetTensors(adapter: NativeHandle, tensors: Record<string, FloatTensor>): Promise<LoadReport>;
  adapterMergedWeight(adapter: NativeHandle, module: string, strength: number): Promise<Float32Array>;
  adapterEffect(adapter: NativeHandle): Promise<number>;
  // binding/session.cpp
  openSession(
    decoder: NativeHandle,
    adapter: NativeHandle,
    config: TrainSessionConfig,
  ): Promise<NativeHandle>;
  sessionAddSample(session: NativeHandle, sample: TrainSample): Promise<number>;
  sessionStep(session: NativeHandle, input: StepInput): Promise<NativeStepResult>;
  sessionEvaluate(
    session: NativeHandle,
    microBatches: readonly (readonly SampleRef[])[],
    seed: number,
    step: number,
  ): Promise<NativeStepResult>;
  sessionState(session: NativeHandle): Promise<Record<string, HostTensor>>;
  sessionSetState(session: NativeHandle, state: Readonly<Record<string, HostTensor>>): Promise<void>;
  sessionGradients(session: NativeHandle): Promise<Record<string, HostTensor>>;
  sessionMemory(session: NativeHandle): Promise<MemoryPlan>;
  sessionDescribe(session: NativeHandle): Promise<string>;
  // binding/sampler.cpp
  openSampler(
    decoder: NativeHandle,
    adapters: readonly {
      adapter: NativeHandle;
      scale: number;
      moduleScales?: readonly number[];
      from?: number;
      to?: number;
    }[],
  ): NativeHandle;
  samplerSample(
    sampler: NativeHandle,
    request: NativeSampleRequest,
    onStep?: (done: number, total: number) => void,
  ): Promise<Float32Array>;
  samplerVelocity(
    sampler: NativeHandle,
    request: {
      latents: Float32Array;
      timestep: number;
      condition: Float32Array;
      contextLatents: Float32Array;
    },
  ): Promise<Float32Array>;
  shiftedTimes(shift: number, steps: number): number[];
  // binding/encoders.cpp
  openConditionEncoder(
    device: NativeHandle,
    folder: string,
  ): Promise<{ handle: NativeHandle; config: NativeModelConfig }>;
  encodeCondition(
    encoder: NativeHandle,
    request: {
      text: Float32Array;
      textMask?: Uint8Array | undefined;
      lyrics: Float32Array;
      lyricMask?: Uint8Array | undefined;
      timbre: readonly Float32Array[];
    },
  ): Promise<NativeConditionResult>;
  openTokenizer(
    device: NativeHandle,
    folder: string,
  ): Promise<{ handle: NativeHandle; config: NativeModelConfig }>;
  tokenizeLatents(
    tokenizer: NativeHandle,
    latents: Float32Array,
    silence: Float32Array,
  ): Promise<{ codes: Int32Array; quantised: Float32Array }>;
  detokenizeCodes(tokenizer: NativeHandle, codes: Int32Array): Promise<Float32Array>;
}
