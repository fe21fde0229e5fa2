export { planAnnotation } from "./annotate/runs/plan-annotation.js";
export type {
  AnnotationEstimate,
  AnnotationPlan,
  AnnotationTask,
  PlanOptions,
} from "./annotate/runs/plan-annotation.js";
export { caption, runAnnotation, transcribe } from "./annotate/runs/run-annotation.js";
export type { AnnotateOptions, AnnotationReport, RunOptions } from "./annotate/runs/run-annotation.js";
export { CaptionSettings, TranscribeSettings } from "./annotate/runs/settings.js";
export type { AnnotationPolicy } from "./annotate/runs/settings.js";
export { wordsToLines } from "./annotate/transcripts/words-to-lines.js";
export type { HeardWord } from "./annotate/transcripts/word.js";
export { analyzeDataset } from "./analysis/analyze-dataset.js";
export type { AnalyzedSong, AnalyzeOptions, AnalyzeReport } from "./analysis/analyze-dataset.js";
export type { SongAnalysis } from "./analysis/analyze-audio.js";
export { analyzeSong, setAnalysisConcurrency } from "./analysis/analyze-song.js";
export type { AnalyzeSongOptions } from "./analysis/analyze-song.js";
export type { CheckItem } from "./analysis/fill-fields.js";
export type { KeyAlternative, KeyJudgement } from "./analysis/judge-key.js";
export type { TempoAlternative, TempoJudgement, TimeSignatureJudgement } from "./analysis/judge-tempo.js";
export { analysisQueue } from "./analysis/queue.js";
export type { Section } from "./analysis/sections.js";
export { AnalysisSettings } from "./analysis/settings.js";
export { storedAnalysis } from "./analysis/stored-analysis.js";
export type { AnalysisField, StoredAnalysis } from "./analysis/stored-analysis.js";
export { decodeAudio, setDecodeConcurrency } from "./audio/decode.js";
export type { DecodeOptions } from "./audio/decode.js";
export type { DecodedAudio } from "./audio/decode-file.js";
export type { AudioSource } from "./audio/stream-file.js";
export { audioProblemOf } from "./audio/refusal.js";
export type { AudioProblem } from "./audio/refusal.js";
export { writeWav } from "./audio/write-wav.js";
export type { WavFormat } from "./audio/write-wav.js";
export { redoChange, undoChange } from "./dataset-file/backup.js";
export type { Undone } from "./dataset-file/backup.js";
export { editableTexts, editDataset, MetadataEdit, SampleEdit } from "./dataset-file/edit-dataset.js";
export type { Change, DatasetEdit } from "./dataset-file/edit-dataset.js";
export { countTags, editTags } from "./dataset-file/edit-tags.js";
export type { TagEdit } from "./dataset-file/edit-tags.js";
export { filterSamples } from "./dataset-file/filter-samples.js";
export { normaliseKey } from "./dataset-file/key-name.js";
export { loadDataset } from "./dataset-file/load-dataset.js";
export type { LoadDatasetOptions, LoadedDataset } from "./dataset-file/load-dataset.js";
export { mixDatasets } from "./dataset-file/mix-datasets.js";
export type { MixOptions, MixSource } from "./dataset-file/mix-datasets.js";
export { setFolderRepeats, songRepeats } from "./dataset-file/repeats.js";
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
export type { Provenance, SampleAdditions } from "./dataset-file/schema.js";
export { normaliseTimeSignature } from "./dataset-file/time-signature.js";
export { cleanDatasetLyrics, cleanLyricsFiles } from "./lyrics/clean-lyrics.js";
export type { CleanedFile, CleanLyricsOptions, CleanLyricsReport } from "./lyrics/clean-lyrics.js";
export { cleanLrc } from "./lyrics/lrc.js";
export type { CleanLyrics, LyricLine } from "./lyrics/lrc.js";
export type { MatchReport, UnmatchedRow } from "./scan/match-rows.js";
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
export type { Manifest, ManifestHead, ManifestSample } from "./tensors/manifest.js";
export { openTensors } from "./tensors/open-tensors.js";
export type { OpenTensorsOptions, TensorFolder, TensorSample } from "./tensors/open-tensors.js";
export { packTensors } from "./tensors/pack-tensors.js";
export type { PackOptions } from "./tensors/pack-tensors.js";
export type { Segments, TensorMetadata } from "./tensors/tensor-file.js";
export { PromptTokenizer } from "./tokenizer/prompt-tokenizer.js";
export { readTorchFile } from "./torch-file/read-torch-file.js";
export type { TorchValue } from "./torch-file/read-torch-file.js";
export { readSilenceLatent, silenceContext, silenceFrames } from "./torch-file/silence-latent.js";
export type { SilenceLatent } from "./torch-file/silence-latent.js";
