import { AceError } from "@acewright/core-native";
import type { DecodedAudio } from "./decode-file.js";
import { DecodePool } from "./decode-pool.js";

export interface DecodeOptions {
  /** Rate of the result; 48000 by default, what the autoencoder hears. */
  sampleRateHz?: number;
  /** Decode only the beginning. Without it a file of more than half an hour is refused. */
  maxDurationS?: number;
  signal?: AbortSignal | undefined;
}

const pool = new DecodePool();

/**
 * Decodes a song to two channels at 48 kHz in a worker thread: wav, aiff, flac, mp3 (gapless), Ogg Vorbis and Opus,
 * and m4a, aac, wma, wv, ape, mka, webm, caf or ac3 where `ffmpeg` is installed. The content decides what a file is, not its name.
 *
 * @throws {AceError} ERR_FILE when the file is missing, empty, cut off, damaged, no audio, or holds NaN;
 *   ERR_CONFIG when an option is out of range. An abort rejects with the signal's reason.
 */
export async function decodeAudio(path: string, options: DecodeOptions = {}): Promise<DecodedAudio> {
  const { sampleRateHz = 48000, maxDurationS, signal } = options;
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 1000 || sampleRateHz > 384000) {
    throw new AceError(
      "ERR_CONFIG",
      `sampleRateHz: expected a whole number from 1000 to 384000, got ${sampleRateHz}`,
    );
  }
  if (maxDurationS !== undefined && !(maxDurationS > 0)) {
    throw new AceError("ERR_CONFIG", `maxDurationS: expected a number above 0, got ${maxDurationS}`);
  }
  return pool.run({ path, sampleRateHz, maxDurationS }, signal);
}

/** Sets how many files are decoded at the same time (by default one less than the cores, at most 4). */
export function setDecodeConcurrency(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new AceError("ERR_CONFIG", `threads: expected a whole number of at least 1, got ${threads}`);
  }
  pool.setConcurrency(threads);
}
