export { decodeAudio, setDecodeConcurrency } from "./audio/decode.js";
export type { DecodeOptions } from "./audio/decode.js";
export type { AudioSource, DecodedAudio } from "./audio/decode-file.js";
export { audioProblemOf } from "./audio/refusal.js";
export type { AudioProblem } from "./audio/refusal.js";
export { writeWav } from "./audio/write-wav.js";
export type { WavFormat } from "./audio/write-wav.js";
export { loadDataset } from "./dataset-file/load-dataset.js";
export type { LoadDatasetOptions, LoadedDataset } from "./dataset-file/load-dataset.js";
export {
  chooseGenreSamples,
  promptCaption,
  promptCaptions,
  setAllInstrumental,
} from "./dataset-file/prompt-caption.js";
export { resolveSongs } from "./dataset-file/resolve-audio.js";
export type { ResolveOptions, Song } from "./dataset-file/resolve-audio.js";
export { saveDataset } from "./dataset-file/save-dataset.js";
export { Dataset, DatasetMetadata, Sample } from "./dataset-file/schema.js";
export { normaliseTimeSignature } from "./dataset-file/time-signature.js";
export { scanFolder } from "./scan/scan-folder.js";
export type { ScanOptions, ScanProgress, ScanReport } from "./scan/scan-folder.js";
export { checkDataset } from "./check/check-dataset.js";
export type { CheckOptions } from "./check/check-dataset.js";
export type { CountTokens } from "./check/check-fields.js";
export type { Finding, FindingCode } from "./check/finding.js";
export { planChunks } from "./chunks.js";
export type { Chunk, Range } from "./chunks.js";
export { runOnnxGoldenCases } from "./encoders/golden-cases.js";
export type { CaseResult } from "./encoders/golden-cases.js";
export { decodeLatents, encodeLatents } from "./encoders/latents.js";
export type { LatentsOptions } from "./encoders/latents.js";
export { resolveModelFolders } from "./encoders/model-folders.js";
export type { ModelFolders } from "./encoders/model-folders.js";
export { PromptEncoder } from "./encoders/prompt-encoder.js";
export type { EncodedPrompt } from "./encoders/prompt-encoder.js";
export { VaeDecoder, VaeEncoder } from "./encoders/vae.js";
export type { LatentPosterior, StereoWave, TilingOptions } from "./encoders/vae.js";
export { resolveEncoderDevice } from "./onnx/execution-device.js";
export type { EncoderDevice, EncoderDeviceName } from "./onnx/execution-device.js";
export type { NetworkOptions } from "./onnx/network.js";
export type { ConditionNetwork } from "./preprocess/condition-network.js";
export type { PreprocessEvent, PreprocessPhase } from "./preprocess/events.js";
export { preprocess } from "./preprocess/preprocess.js";
export type { PreprocessOptions } from "./preprocess/preprocess-run.js";
export { PreprocessSettings } from "./preprocess/settings.js";
export { lyricsPrompt, promptLimits, textPrompt } from "./prompts.js";
export type { Conditioning, PromptFields } from "./prompts.js";
export type { Manifest, ManifestSample } from "./tensors/manifest.js";
export { openTensors } from "./tensors/open-tensors.js";
export type { TensorFolder, TensorSample } from "./tensors/open-tensors.js";
export type { Segments, TensorMetadata } from "./tensors/tensor-file.js";
export { PromptTokenizer } from "./tokenizer/prompt-tokenizer.js";
export { readTorchFile } from "./torch-file/read-torch-file.js";
export type { TorchValue } from "./torch-file/read-torch-file.js";
export { readSilenceLatent, silenceContext, silenceFrames } from "./torch-file/silence-latent.js";
export type { SilenceLatent } from "./torch-file/silence-latent.js";
