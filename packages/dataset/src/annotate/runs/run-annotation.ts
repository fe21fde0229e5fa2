import { AceError } from "@acewright/core-native";
import { setMaxListeners } from "node:events";
import { mapConcurrently } from "../../scan/concurrently.js";
import { ServiceFailure } from "../http/service-failure.js";
import type { AnnotationReport } from "./annotation-report.js";
import { applyAnswers } from "./apply-answers.js";
import {
  planAnnotation,
  type AnnotationPlan,
  type PlannedSong,
  type PlanOptions,
} from "./plan-annotation.js";
import type { CaptionSettings, TranscribeSettings } from "./settings.js";

export interface RunOptions {
  signal?: AbortSignal;
  /** Ask and show, but write nothing: the answers are kept, and the same run without this writes them unasked. */
  preview?: boolean;
  /** Called after each song. */
  onProgress?: (progress: { done: number; total: number; path: string }) => void;
  /** Called when a run is stopped, after what it had was saved. */
  onStopped?: (report: AnnotationReport) => void;
}

/**
 * Asks the provider about every planned song and writes the answers: into the dataset (one change, which
 * `undoChange` takes back), or into the sidecars of a folder. A song that fails is reported and the run goes on; what no
 * other song could pass (a wrong key, a server that is not there, ten failures one after the other) ends it. Whatever ends it,
 * the answers so far are written, and the same plan made again asks about the rest alone.
 *
 * @throws {ServiceFailure} when the run ended early; an abort rejects with the signal's reason.
 */
export async function runAnnotation(
  plan: AnnotationPlan,
  options: RunOptions = {},
): Promise<AnnotationReport> {
  const { journal, songs } = plan.work;
  if (plan.isDryRun)
    throw new AceError("ERR_CONFIG", "the plan was made for counting only (dryRun); make it again without");
  const report: AnnotationReport = {
    path: plan.path,
    answered: 0,
    resumed: plan.estimate.resumed,
    failed: [],
    songs: [],
    changes: [],
    toCheck: [],
    written: [],
    withoutLyrics: [],
  };
  try {
    await askAll(plan, report, options);
  } catch (error) {
    await applyAnswers(plan, report, options.preview ?? false);
    journal.close();
    options.onStopped?.(report);
    throw error instanceof ServiceFailure ? withWhatIsDone(error, report.answered, songs.length) : error;
  }
  await applyAnswers(plan, report, options.preview ?? false);
  // Failed songs are asked about again by the next run, the others are not.
  if (report.failed.length === 0 && options.preview !== true) journal.remove();
  else journal.close();
  return report;
}

async function askAll(plan: AnnotationPlan, report: AnnotationReport, options: RunOptions): Promise<void> {
  const { songs, concurrency, provider, journal, stopAfter } = plan.work;
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  // Every song that waits listens once.
  setMaxListeners(0, signal);
  let done = 0;
  let failedInARow = 0;
  const ask = async (song: PlannedSong): Promise<void> => {
    try {
      const annotation = await provider.annotate(song, signal);
      journal.add(song.audioFile, song.stamp, new Date().toISOString(), annotation);
      report.answered++;
      failedInARow = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AceError) || error.code === "ERR_INTERNAL") throw error;
      if (error instanceof ServiceFailure && error.scope === "run") throw error;
      report.failed.push({ audioFile: song.audioFile, error: error.message });
      if (++failedInARow >= stopAfter && done + 1 < songs.length) {
        const what = `${failedInARow} songs failed one after the other, the last: ${error.message}`;
        throw new ServiceFailure(what, { scope: "run", retry: false });
      }
    }
    options.onProgress?.({ done: ++done, total: songs.length, path: song.audioFile });
  };
  await mapConcurrently(songs, concurrency, signal, async (song) => {
    try {
      await ask(song);
    } catch (error) {
      // The other requests under way would meet the same: they are not waited for.
      stop.abort(error);
      throw stop.signal.reason;
    }
  });
}

function withWhatIsDone(error: ServiceFailure, answered: number, asked: number): ServiceFailure {
  const kept =
    answered === 0
      ? ""
      : `; ${answered} of ${asked} songs are done and saved, the same command goes on from there`;
  return new ServiceFailure(`${error.message}${kept}`, { scope: "run", retry: false });
}

/** Options of a whole run in one call. */
export type AnnotateOptions = PlanOptions & RunOptions;

/**
 * Writes the lyrics of songs down: plans and runs in one call, see {@link planAnnotation} and {@link runAnnotation}.
 *
 * @param path a dataset.json, or a folder of songs
 * @throws {AceError} ERR_CONFIG, ERR_FILE, ERR_SERVICE
 */
export async function transcribe(
  path: string,
  settings: Partial<TranscribeSettings> = {},
  options: AnnotateOptions = {},
): Promise<AnnotationReport> {
  return runAnnotation(await planAnnotation(path, { task: "transcribe", settings }, options), options);
}

/**
 * Describes songs: plans and runs in one call, see {@link planAnnotation} and {@link runAnnotation}.
 *
 * @param path a dataset.json, or a folder of songs
 * @throws {AceError} ERR_CONFIG, ERR_FILE, ERR_SERVICE
 */
export async function caption(
  path: string,
  settings: Partial<CaptionSettings> = {},
  options: AnnotateOptions = {},
): Promise<AnnotationReport> {
  return runAnnotation(await planAnnotation(path, { task: "caption", settings }, options), options);
}
