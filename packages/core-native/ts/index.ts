export { AceError, advice, errors } from "./errors.js";
export type { AceErrorCode } from "./errors.js";
export type {
  AdapterCommon,
  AdapterConfig,
  AdapterScale,
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
  OptimizerConfig,
  ModelConfig,
  PlanRequest,
  ProbeConfig,
  LossWeighting,
  RecomputePolicy,
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
export { recomputePolicies } from "./types.js";
export {
  refuseMissingFolder,
  removeAbandonedFiles,
  writeChunksAtomic,
  writeFileAtomic,
} from "./atomic-file.js";
export { renameFile, renameFileLater } from "./rename.js";
export { addonFile } from "./load.js";
export { notJson } from "./not-json.js";
export { readUserText } from "./user-text.js";
export { openCheckpoint } from "./checkpoint.js";
export type { Checkpoint, CheckpointEntry } from "./checkpoint.js";
export { formatBytes } from "./format-bytes.js";
export { fromFloat32, toFloat32 } from "./float-tensor.js";
export {
  parseSafetensors,
  readByteRanges,
  readSafetensors,
  readSafetensorsHeader,
  safetensorsChunks,
  safetensorsHead,
  saveSafetensors,
  writeSafetensors,
} from "./safetensors.js";
export type { SafetensorsHeader } from "./safetensors-header.js";
export { Adapter } from "./adapter.js";
export type { AdapterModuleInfo } from "./adapter.js";
export { findAdapterFile } from "./adapter-file/find.js";
export { adapterWeightsIn, locateAdapter } from "./adapter-file/locate.js";
export type { AdapterFile } from "./adapter-file/find.js";
export { writePeftFolder } from "./adapter-file/peft.js";
export { AudioTokenizer } from "./audio-tokenizer.js";
export { ConditionEncoder } from "./condition-encoder.js";
export { Decoder, planMemory, readModelConfig } from "./decoder.js";
export { cudaReport, Device, devices, freeBytes, openDevice } from "./device.js";
export { GradientProbe, probeConfig } from "./gradient-probe.js";
export type { ProbeReading, ProbeSettings } from "./gradient-probe.js";
export { Sampler, turboTimes } from "./sampler.js";
export type { SamplerAdapter } from "./sampler.js";
export { TrainSession } from "./train-session.js";
