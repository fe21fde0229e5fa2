import { answerRequests } from "../audio/audio-worker.js";
import { decodeFile, type DecodedAudio } from "../audio/decode-file.js";
import { analyzeAudio, type SongAnalysis } from "./analyze-audio.js";

/** What the worker is told: a file to decode, or what was decoded already. */
export interface AnalysisRequest {
  /** Names the song in messages. */
  path: string;
  audio: Pick<DecodedAudio, "channels" | "sampleRateHz"> | undefined;
  maxDurationS: number | undefined;
}

answerRequests(async (request: AnalysisRequest, beat): Promise<SongAnalysis> => {
  const { path, maxDurationS } = request;
  const { channels, sampleRateHz } =
    request.audio ?? (await decodeFile({ path, sampleRateHz: 48_000, maxDurationS }, beat));
  return analyzeAudio(channels, sampleRateHz, beat);
});
