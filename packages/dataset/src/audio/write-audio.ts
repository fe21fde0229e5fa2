import { AceError, writeFileAtomic } from "@acewright/core-native";
import { extname } from "node:path";
import type { AudioTags } from "./audio-tags.js";
import { DecodePool } from "./decode-pool.js";
import type { EncodeRequest } from "./encode-audio.js";
import type { WavFormat } from "./write-wav.js";

export interface WriteAudioOptions {
  /** pcm16 by default; float32 only in WAV. PCM clips at full scale. */
  readonly format?: WavFormat;
  /** FLAC: Vorbis comments; WAV: RIFF INFO. */
  readonly tags?: AudioTags;
  readonly signal?: AbortSignal | undefined;
}

const pool = new DecodePool<EncodeRequest, Uint8Array>({
  workerUrl: new URL("./encode-worker.js", import.meta.url),
});

/**
 * Writes planar channels (full scale 1) as `.wav` or `.flac`, by the file's name, whole or not at all; the work is done in
 * a worker thread.
 *
 * @throws {AceError} ERR_CONFIG for another name or float32 in FLAC, ERR_SHAPE when channels differ in length, ERR_FILE when
 *   a sample is not finite or the file cannot be written.
 */
export async function writeAudio(
  path: string,
  channels: readonly Float32Array[],
  sampleRateHz: number,
  options: WriteAudioOptions = {},
): Promise<void> {
  const { format = "pcm16", tags = {}, signal } = options;
  const container = audioContainer(path, format);
  channels.forEach((channel, index) => {
    if (channel.length !== channels[0]?.length)
      throw new AceError("ERR_SHAPE", `${path}: channels of equal length expected`);
    const bad = channel.findIndex((sample) => !Number.isFinite(sample));
    if (bad >= 0)
      throw new AceError(
        "ERR_FILE",
        `${path}: not written, sample ${bad} of channel ${index} is ${channel[bad]}`,
      );
  });
  const request = { path, channels, sampleRateHz, container, format, tags };
  writeFileAtomic(path, await pool.run(request, signal));
}

/**
 * What a file of this name will be.
 *
 * @throws {AceError} ERR_CONFIG for a name that is neither `.wav` nor `.flac`, or samples FLAC does not have.
 */
export function audioContainer(path: string, format: WavFormat): "wav" | "flac" {
  const ending = extname(path).toLowerCase();
  if (ending !== ".wav" && ending !== ".flac") {
    throw new AceError("ERR_CONFIG", `${path}: songs are written as .wav or .flac; name it so`);
  }
  if (ending === ".flac" && format === "float32") {
    throw new AceError(
      "ERR_CONFIG",
      `${path}: FLAC holds whole numbers; choose pcm16 or pcm24, or a .wav file`,
    );
  }
  return ending === ".wav" ? "wav" : "flac";
}
