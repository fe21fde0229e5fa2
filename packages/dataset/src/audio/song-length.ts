import { decodeAudio } from "./decode.js";
import { ffmpegLengthS } from "./ffmpeg-decoder.js";
import { isFfmpegKind, kindWords } from "./kinds.js";
import type { AudioProbe } from "./probe.js";

/**
 * How long a song plays, in seconds: by its header, by the header as ffmpeg reads it, and where none says so by decoding
 * the whole song.
 *
 * @throws {AceError} ERR_FILE when the file has to be decoded or read by ffmpeg and cannot be.
 */
export async function songLengthS(
  path: string,
  { format, kind }: AudioProbe,
  signal?: AbortSignal,
): Promise<number> {
  if (format?.frames !== undefined) return format.frames / format.sampleRateHz;
  if (isFfmpegKind(kind) && kindWords[kind].timed === true) {
    const told = await ffmpegLengthS(path, kind);
    if (told !== undefined) return told;
  }
  return (await decodeAudio(path, { signal })).durationS;
}
