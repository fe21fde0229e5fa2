import { AceError } from "@acewright/core-native";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { z } from "zod";
import { differences, type Change } from "../dataset-file/edit-dataset.js";
import { filterSamples } from "../dataset-file/filter-samples.js";
import { resolveSongs, type Song } from "../dataset-file/resolve-audio.js";
import type { Dataset, Sample } from "../dataset-file/schema.js";
import { mapConcurrently } from "../scan/concurrently.js";
import { analyzeSong, setAnalysisConcurrency } from "./analyze-song.js";
import { fillFields, type CheckItem } from "./fill-fields.js";
import { analysisQueue } from "./queue.js";
import { AnalysisSettings } from "./settings.js";
import { storedAnalysis, toStored, type StoredAnalysis } from "./stored-analysis.js";

export interface AnalyzeOptions extends Partial<AnalysisSettings> {
  /** Folder that relative audio paths start from: where dataset.json lies. The working directory by default. */
  folder?: string;
  /** Folders that relative paths with `..` may lead into. */
  allowRoots?: readonly string[];
  /** Which songs; see `filterSamples`. All by default. */
  where?: readonly string[];
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number; path: string }) => void;
  /** Called after each song with the dataset as far as it got, so that an interrupted run loses nothing. */
  onSong?: (dataset: Dataset, song: AnalyzedSong) => void;
}

/** What became of one song. */
export interface AnalyzedSong {
  /** Index of the sample. */
  sample: number;
  audioFile: string;
  /** `kept`: it was analysed before, and its file is the same. */
  outcome: "analyzed" | "kept" | "failed";
  analysis?: StoredAnalysis;
  /** Why it failed, in one line. */
  error?: string;
}

export interface AnalyzeReport {
  dataset: Dataset;
  changes: Change[];
  songs: AnalyzedSong[];
  /** What a person should look at, by index of the sample. */
  toCheck: (CheckItem & { sample: number })[];
}

/**
 * Listens to the songs of a dataset, on one worker thread for each core, and fills in tempo, key and time signature
 * where they are missing. Details (confidence, alternatives, loudness, sections) stand under `acewright.analysis`; a song
 * that has them is not listened to again while its file stays the same. The dataset given stays as it is.
 *
 * @throws {AceError} ERR_CONFIG for a setting out of range or a bad filter, ERR_FILE when an audio path leaves the folder
 *   without being allowed to. A song that cannot be read is reported, not thrown. An abort rejects with the signal's reason.
 */
export async function analyzeDataset(dataset: Dataset, options: AnalyzeOptions = {}): Promise<AnalyzeReport> {
  const settings = checkedSettings(options);
  const { signal, onProgress, onSong } = options;
  const threads = settings.threads ?? availableParallelism();
  setAnalysisConcurrency(threads);
  const selected = filterSamples(dataset, options.where ?? []);
  const resolved = await resolveSongs(dataset, options.folder ?? process.cwd(), {
    allowRoots: options.allowRoots ?? [],
  });
  const edited: Dataset = { ...dataset, samples: [...dataset.samples] };
  let done = 0;
  const songs = await mapConcurrently(selected, threads, signal, async (index): Promise<AnalyzedSong> => {
    const song = resolved[index] as Song;
    const { sample, result } = await analyzeSample(song, index, settings, signal);
    edited.samples[index] = sample;
    done++;
    onProgress?.({ done, total: selected.length, path: song.audioFile });
    if (result.outcome !== "kept") onSong?.(edited, result);
    return result;
  });
  const chosen = new Set(selected);
  const toCheck = analysisQueue(edited, settings.checkBelow).filter(({ sample }) => chosen.has(sample));
  return { dataset: edited, changes: differences(dataset, edited), songs, toCheck };
}

async function analyzeSample(
  { sample, audioFile }: Song,
  index: number,
  settings: AnalysisSettings,
  signal: AbortSignal | undefined,
): Promise<{ sample: Sample; result: AnalyzedSong }> {
  const place = { sample: index, audioFile };
  try {
    const { size, mtimeMs } = await stat(audioFile);
    const file = { bytes: size, modified_ms: Math.round(mtimeMs) };
    const before = storedAnalysis(sample);
    const isSame = before?.file.bytes === file.bytes && before.file.modified_ms === file.modified_ms;
    if (before !== undefined && isSame && !settings.again) {
      const filled = fillFields(sample, before, settings);
      return { sample: filled, result: { ...place, outcome: "kept", analysis: before } };
    }
    const analysis = toStored(await analyzeSong(audioFile, { signal }), file);
    return {
      sample: fillFields(sample, analysis, settings),
      result: { ...place, outcome: "analyzed", analysis },
    };
  } catch (error) {
    signal?.throwIfAborted();
    const isOurs = error instanceof AceError && !error.isUserError;
    if (isOurs || !(error instanceof Error)) throw error;
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = missing
      ? `${audioFile}: there is no such file; mend audio_path, or scan again`
      : error.message;
    return { sample, result: { ...place, outcome: "failed", error: why } };
  }
}

function checkedSettings(options: AnalyzeOptions): AnalysisSettings {
  const given = Object.fromEntries(
    Object.keys(AnalysisSettings.shape).map((key) => [key, options[key as keyof AnalysisSettings]]),
  );
  const result = AnalysisSettings.safeParse(given);
  if (result.success) return result.data;
  throw new AceError("ERR_CONFIG", z.prettifyError(result.error).replace(/\s*\n\s*/g, " "));
}
