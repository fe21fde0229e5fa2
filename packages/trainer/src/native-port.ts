import type {
  AdapterConfig,
  DeviceInfo,
  DeviceName,
  HostTensor,
  LoadReport,
  MemoryPlan,
  ModelConfig,
  PlanRequest,
  SampleRef,
  SampleRequest,
  SampleResult,
  StepInput,
  StepResult,
  TrainSample,
  TrainSessionConfig,
} from "@acewright/core-native";

/** The part of the native core that training asks for; tests train with a small model of their own behind it. */
export interface NativePort {
  /** @param threads of the CPU device; undefined: all cores. */
  openDevice(name: DeviceName, threads: number | undefined): DevicePort;
  /** A device of this kind and memory that need not be here: to plan for another machine. */
  assumeDevice(kind: "cpu" | "cuda", memoryBytes: number, threads: number | undefined): PlanningPort;
}

/** What can be known of a run without reading weights. */
export interface PlanningPort {
  readonly info: DeviceInfo;
  /** The music model's own folder, and its config without the weights. */
  readModel(folder: string): { readonly folder: string; readonly config: ModelConfig };
  /** Bytes a training step of these shapes needs, before anything is allocated. */
  planMemory(folder: string, request: PlanRequest): Promise<MemoryPlan>;
}

export interface DevicePort extends PlanningPort {
  openDecoder(folder: string): Promise<DecoderPort>;
  /** Algorithms of the matrix products met so far and attention's kernels, for {@link useAlgorithms}; "" where nothing is chosen. */
  algorithms(): Promise<string>;
  useAlgorithms(record: string): Promise<void>;
  /** Whether new shapes of products are timed; not for the CPU. */
  tuneProducts(on: boolean): Promise<void>;
}

export interface DecoderPort {
  createAdapter(config: AdapterConfig, seed: number): Promise<AdapterPort>;
  close(): void;
}

export interface AdapterPort {
  readonly parameterCount: number;
  /** Writes the adapter's files into an existing folder and returns their paths. */
  save(folder: string, metadata: Record<string, string>): Promise<readonly string[]>;
  tensors(): Promise<Record<string, HostTensor>>;
  setTensors(tensors: Record<string, HostTensor>): Promise<LoadReport>;
  /**
   * Takes the weights of another adapter of the same kind, modules, ranks and alphas.
   *
   * @throws {AceError} ERR_CONFIG with what differs
   */
  continueFrom(path: string): Promise<void>;
  /** Largest |delta| over all modules: 0 for an adapter that does nothing. */
  effect(): Promise<number>;
  /** Latents [frames, 64] of a song with the adapter as it is now. */
  sample(request: SampleRequest): Promise<Float32Array>;
  openSession(config: TrainSessionConfig): Promise<SessionPort>;
  close(): void;
}

export interface SessionPort {
  addSample(sample: TrainSample): Promise<number>;
  step(input: StepInput): Promise<StepResult>;
  evaluate(
    microBatches: readonly (readonly SampleRef[])[],
    options: { readonly seed: number; readonly step: number },
  ): Promise<{ readonly loss: number; readonly samples: readonly SampleResult[] }>;
  state(): Promise<Record<string, HostTensor>>;
  setState(state: Record<string, HostTensor>): Promise<void>;
  close(): void;
}
