export { AdapterSettings } from "./config/adapter-settings.js";
export { harmless as harmlessSettings } from "./config/config-diff.js";
export type { ConfigChange } from "./config/config-diff.js";
export { resumeChanges } from "./config/resume-changes.js";
export type { ResumeChanges } from "./config/resume-changes.js";
export { settingGroups } from "./config/groups.js";
export type { SettingGroup } from "./config/groups.js";
export { TrainConfig } from "./config/train-config.js";
export type { TrainConfigInput } from "./config/train-config.js";
export { trainConfigSchema } from "./config/config-fields.js";
export { expectation } from "./schema/expectation.js";
export { fieldsOf } from "./schema/fields.js";
export type { FieldChoice, FieldMember, SchemaField } from "./schema/fields.js";
export { schemaNode, withoutNull } from "./schema/node.js";
export type { PlainNode, SchemaNode } from "./schema/node.js";
export type {
  BestEvent,
  CheckpointEvent,
  DeviceEvent,
  FinishedEvent,
  GradNormsEvent,
  InterruptedEvent,
  NotFinite,
  RunPlan,
  SampleEvent,
  StartedEvent,
  StepEvent,
  TimestepLoss,
  TrainEvent,
  ValidationEvent,
  WarningEvent,
} from "./events.js";
export { benchmarkSteps } from "./benchmark/benchmark-steps.js";
export type {
  Benchmark,
  BenchmarkConfig,
  BenchmarkOptions,
  BenchmarkProgress,
} from "./benchmark/benchmark-steps.js";
export type { MeasuredRow, RefusedRow, RunExpectation } from "./benchmark/rows.js";
export { BenchmarkSettings } from "./benchmark/settings.js";
export { estimate } from "./estimate/estimate.js";
export type { Estimate } from "./estimate/estimate.js";
export type { EstimateOptions, EstimateProgress } from "./estimate/measure.js";
export type { ModuleScore, RankedModule } from "./estimate/ranks.js";
export { EstimateSettings } from "./estimate/settings.js";
export type { EstimateSettingsInput } from "./estimate/settings.js";
export { exportAdapter } from "./export/export-adapter.js";
export type { ExportOptions, ExportReport } from "./export/export-adapter.js";
export { adapterFormats } from "./export/adapter-names.js";
export type { AdapterFormat } from "./export/adapter-names.js";
export type { ModuleSurvival } from "./export/rounding.js";
export { mergeAdapters } from "./adapters/merge-adapters.js";
export type { MergeOptions, ReducedAdapter } from "./adapters/merge-adapters.js";
export { resizeAdapter } from "./adapters/resize-adapter.js";
export type { ResizeOptions } from "./adapters/resize-adapter.js";
export { extractAdapter } from "./adapters/extract-adapter.js";
export type { ExtractedAdapter, ExtractOptions } from "./adapters/extract-adapter.js";
export { inspectAdapter } from "./adapters/inspect-adapter.js";
export type { AdapterSummary, ModuleSummary } from "./adapters/inspect-adapter.js";
export { checkAdapterFit } from "./adapters/check-fit.js";
export type { AdapterFit } from "./adapters/check-fit.js";
export type { RankChoice, RankReport } from "./adapters/low-rank.js";
export type { RunAdapter } from "./export/find-adapter.js";
export { findLearningRate, SweepSettings } from "./find-learning-rate.js";
export type { FindLearningRateOptions, LearningRateSweep } from "./find-learning-rate.js";
export type { LearningRatePoint, LearningRateVerdict } from "./plan/learning-rate-curve.js";
export { parseAdapterUse } from "./generate/adapter-use.js";
export type { AdapterUse, ScaledGroup } from "./generate/adapter-use.js";
export { generate, generateSongs } from "./generate/generate.js";
export type {
  GenerateOptions,
  GenerateResult,
  GenerateSongsOptions,
  GenerateSongsResult,
  GenerateWith,
  MadeSong,
} from "./generate/generate.js";
export { compareCheckpoints } from "./generate/compare.js";
export type { CompareOptions } from "./generate/compare.js";
export type { ComparedSong, Comparison } from "./generate/comparison.js";
export { readPrompts } from "./generate/prompts-file.js";
export type { GeneratePart } from "./generate/render-songs.js";
export { PromptRow } from "./generate/settings.js";
export type { Sampling } from "./generate/sampling.js";
export { GenerateSettings } from "./generate/settings.js";
export type { GenerateSettingsInput } from "./generate/settings.js";
export { listRuns, readRun, readRunSummary, tailRun } from "./runs/list-runs.js";
export { compareRuns } from "./runs/compare-runs.js";
export type { RunComparison, SettingsDifference } from "./runs/compare-runs.js";
export { runCurves } from "./runs/curves.js";
export type { CurvePoint, RunCurves } from "./runs/curves.js";
export { newestGradNorms } from "./runs/grad-norms.js";
export type { GradNorms } from "./runs/grad-norms.js";
export { removeRun } from "./runs/remove-run.js";
export type { RunDetails, RunSummary } from "./runs/list-runs.js";
export { parseConfig } from "./config/parse-config.js";
export { nearestName } from "./config/nearest-name.js";
export { parseWith, problemsWith } from "./config/parse-with.js";
export type { FieldProblem } from "./config/parse-with.js";
export { learningRateCourse } from "./plan/learning-rate.js";
export type { LearningRateSettings, ScheduleSpan } from "./plan/learning-rate.js";
export { scheduleTemplates } from "./plan/schedule-formula.js";
export type { RecomputeChoice } from "./plan/recompute.js";
export { describeCure } from "./plan/memory-cures.js";
export type { MemoryCure } from "./plan/memory-cures.js";
export type { MemoryVerdict } from "./plan/verdict.js";
export { planRun } from "./plan-run.js";
export type { PlannedRun, PlanOptions } from "./plan-run.js";
export { suggestSettings, withSettings, withSettingsOf } from "./suggest/suggest.js";
export type { Suggestion } from "./suggest/suggest.js";
export type { SuggestedSettings } from "./suggest/candidates.js";
export type { SuggestedChoice } from "./suggest/reasons.js";
export { presets, withPreset } from "./config/presets.js";
export type { Preset } from "./config/presets.js";
export { notForPresets, readPreset, withoutFolders } from "./presets/preset-file.js";
export type { ReadPreset } from "./presets/preset-file.js";
export {
  deletePreset,
  findPreset,
  listPresets,
  presetName,
  savePreset,
  userConfigFolder,
  writePreset,
} from "./presets/preset-folders.js";
export type { FoundPreset } from "./presets/preset-folders.js";
export type { LoggedEvent, LogTail } from "./run/event-log.js";
export { processStart } from "./run/process-start.js";
export { readRunConfig } from "./run/run-folder.js";
export { runPaths } from "./run/run-paths.js";
export { writeWhole } from "./run/write-whole.js";
export { train } from "./train/train.js";
export type { TrainOptions } from "./train/train.js";
