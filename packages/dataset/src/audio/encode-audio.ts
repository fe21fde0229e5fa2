import { encodeFlac } from "./flac-encoder.js";
import type { AudioTags } from "./audio-tags.js";
import { encodeWav, type WavFormat } from "./write-wav.js";

/** One file to make, as it crosses to the worker thread. */
export interface EncodeRequest {
  readonly path: string;
  readonly channels: readonly Float32Array[];
  readonly sampleRateHz: number;
  readonly container: "wav" | "flac";
  readonly format: WavFormat;
  readonly tags: AudioTags;
}

/** The bytes of the file. */
export async function encodeAudio(
  request: EncodeRequest,
  beat: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const { path, channels, sampleRateHz, container, format, tags } = request;
  return container === "wav"
    ? encodeWav(path, channels, sampleRateHz, format, tags)
    : await encodeFlac(path, channels, sampleRateHz, format === "pcm16" ? 16 : 24, tags, beat);
}
