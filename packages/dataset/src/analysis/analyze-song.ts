import { AceError } from "@acewright/core-native";
import { availableParallelism } from "node:os";
import type { DecodedAudio } from "../audio/decode-file.js";
import { DecodePool } from "../audio/decode-pool.js";
import type { AnalysisRequest } from "./analysis-worker.js";
import type { SongAnalysis } from "./analyze-audio.js";

export interface AnalyzeSongOptions {
  /** Listen only to the beginning. */
  maxDurationS?: number;
  signal?: AbortSignal | undefined;
}

const pool = new DecodePool<AnalysisRequest, SongAnalysis>({
  concurrency: availableParallelism(),
  workerUrl: new URL("./analysis-worker.js", import.meta.url),
});

/**
 * Tempo, metre, key, loudness and sections of a song, each with how sure it is and what else it may be. Decodes and
 * listens in a worker thread; no network, no model to download.
 *
 * @param song a file, or audio that is decoded already (it is copied)
 * @throws {AceError} ERR_FILE when the file cannot be decoded, ERR_CONFIG for audio that is none. An abort rejects with
 *   the signal's reason.
 */
export async function analyzeSong(
  song: string | Pick<DecodedAudio, "channels" | "sampleRateHz">,
  { maxDurationS, signal }: AnalyzeSongOptions = {},
): Promise<SongAnalysis> {
  if (maxDurationS !== undefined && !(maxDurationS > 0)) {
    throw new AceError("ERR_CONFIG", `maxDurationS: expected a number above 0, got ${maxDurationS}`);
  }
  if (typeof song === "string") return pool.run({ path: song, audio: undefined, maxDurationS }, signal);
  const { channels, sampleRateHz } = song;
  if (channels[0].length !== channels[1].length || !(sampleRateHz >= 8000 && sampleRateHz <= 384_000)) {
    const what = `${channels[0].length} and ${channels[1].length} samples at ${sampleRateHz} Hz`;
    throw new AceError(
      "ERR_CONFIG",
      `song: expected two channels of one length at 8 to 384 kHz, got ${what}`,
    );
  }
  const end = maxDurationS === undefined ? undefined : Math.round(maxDurationS * sampleRateHz);
  const audio = { channels: channels.map((side) => side.slice(0, end)) as typeof channels, sampleRateHz };
  return pool.run({ path: "the song given", audio, maxDurationS }, signal);
}

/** Sets how many songs are analysed at the same time (by default as many as there are cores). */
export function setAnalysisConcurrency(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new AceError("ERR_CONFIG", `threads: expected a whole number of at least 1, got ${threads}`);
  }
  pool.setConcurrency(threads);
}
