export { AceError, errors } from "./errors.js";
export type { AceErrorCode } from "./errors.js";
export type {
  AdapterCommon,
  AdapterConfig,
  ConditionRequest,
  ConditionResult,
  DeviceInfo,
  DeviceName,
  HostTensor,
  LoadReport,
  LohaConfig,
  LokrConfig,
  LoraConfig,
  MemoryPlan,
  ModelConfig,
  PlanRequest,
  SampleRef,
  SampleRequest,
  SampleResult,
  StepInput,
  StepResult,
  TensorEntry,
  TimestepLaw,
  TrainSample,
  TrainSessionConfig,
} from "./types.js";
export { writeFileAtomic } from "./atomic-file.js";
export { openCheckpoint } from "./checkpoint.js";
export type { Checkpoint, CheckpointEntry } from "./checkpoint.js";
export { fromFloat32, toFloat32 } from "./float-tensor.js";
export { readByteRanges, readSafetensors, readSafetensorsHeader, writeSafetensors } from "./safetensors.js";
export type { SafetensorsHeader } from "./safetensors-header.js";
