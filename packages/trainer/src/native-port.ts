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
  SampleResult,
  StepInput,
  StepResult,
  TrainSample,
  TrainSessionConfig,
} from "@acewright/core-native";

/** The part of the native core that training asks for; tests train with a small model of their own behind it. */
export interface NativePort {
  openDecoder(
    folder: string,
    options: { readonly device: DeviceName; readonly threads: number | undefined },
  ): Promise<DecoderPort>;
}

export interface DecoderPort {
  readonly device: DeviceInfo;
  readonly config: ModelConfig;
  /** Bytes a training step of these shapes needs, before anything is allocated. */
  planMemory(request: PlanRequest): MemoryPlan;
  createAdapter(config: AdapterConfig, seed: number): AdapterPort;
  close(): void;
}

export interface AdapterPort {
  readonly parameterCount: number;
  /** Writes the adapter's files into an existing folder and returns their paths. */
  save(folder: string, metadata: Record<string, string>): Promise<string[]>;
  tensors(): Record<string, HostTensor>;
  setTensors(tensors: Record<string, HostTensor>): LoadReport;
  /** Largest |delta| over all modules: 0 for an adapter that does nothing. */
  effect(): number;
  openSession(config: TrainSessionConfig): Promise<SessionPort>;
  close(): void;
}

export interface SessionPort {
  readonly memory: MemoryPlan;
  addSample(sample: TrainSample): number;
  step(input: StepInput): Promise<StepResult>;
  evaluate(
    microBatches: readonly (readonly SampleRef[])[],
    options: { readonly seed: number; readonly step: number },
  ): Promise<{ readonly loss: number; readonly samples: readonly SampleResult[] }>;
  state(): Record<string, HostTensor>;
  setState(state: Record<string, HostTensor>): void;
  close(): void;
}
