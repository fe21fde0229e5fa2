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
