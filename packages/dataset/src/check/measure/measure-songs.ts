import { AceError } from "@acewright/core-native";
import { availableParallelism } from "node:os";
import { DecodePool } from "../../audio/decode-pool.js";
import { audioProblemOf, type AudioProblem } from "../../audio/refusal.js";
import { mapConcurrently } from "../../scan/concurrently.js";
import { identityOf, MeasureCache } from "./measure-cache.js";
import type { AudioReport, MeasureRequest } from "./measure-file.js";

/** A file measured, or why it could not be. */
export type Measured = { report: AudioReport } | { problem: AudioProblem; message: string };

export interface MeasureOptions {
  workers: number | undefined;
  /** Folder of earlier results; undefined to use none. */
  cacheFolder: string | undefined;
  signal: AbortSignal | undefined;
  /** Called as each file is done, in the order they get done. */
  onDone: (path: string) => void;
}

/**
 * Measures files on worker threads, each a stream, so that memory does not grow with their number or length. A file that
 * cannot be decoded is an answer too; anything else that goes wrong is thrown.
 */
export async function measureSongs(paths: readonly string[], options: MeasureOptions): Promise<Measured[]> {
  const { cacheFolder, signal, onDone } = options;
  const workers = options.workers ?? Math.max(1, Math.min(4, availableParallelism() - 1));
  const cache = cacheFolder === undefined ? undefined : new MeasureCache(cacheFolder);
  const pool = new DecodePool<MeasureRequest, AudioReport>({
    concurrency: workers,
    idleS: 0.1,
    workerUrl: new URL("./measure-worker.js", import.meta.url),
  });
  return mapConcurrently(paths, workers, signal, async (path) => {
    const measured = await measure(path, cache, pool, signal);
    onDone(path);
    return measured;
  });
}

async function measure(
  path: string,
  cache: MeasureCache | undefined,
  pool: DecodePool<MeasureRequest, AudioReport>,
  signal: AbortSignal | undefined,
): Promise<Measured> {
  const known = await cache?.read(path);
  if (known !== undefined) return { report: known };
  const identity = await identityOf(path);
  let report: AudioReport;
  try {
    report = await pool.run({ path }, signal);
  } catch (error) {
    const problem = audioProblemOf(error);
    if (problem === undefined || !(error instanceof AceError)) throw error;
    return { problem, message: error.message };
  }
  if (identity !== undefined) cache?.write(path, identity, report);
  return { report };
}
