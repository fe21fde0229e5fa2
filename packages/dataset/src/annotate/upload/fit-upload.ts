import { readFile } from "node:fs/promises";
import { ByteSource } from "../../audio/byte-source.js";
import { decodeAudio } from "../../audio/decode.js";
import type { AudioKind } from "../../audio/kinds.js";
import { audioRefusal } from "../../audio/refusal.js";
import { sniffAudio } from "../../audio/sniff.js";
import { encodeWav } from "../../audio/write-wav.js";
import { encodeMp3 } from "./ffmpeg-mp3.js";

/** A song as it is sent. The user's file name stays here. */
export interface Upload {
  bytes: Uint8Array<ArrayBuffer>;
  fileName: string;
  mimeType: string;
  /** "mp3" or "wav" where a service names formats so. */
  format: string;
}

/** What a service takes. */
export interface UploadLimits {
  kinds: readonly CommonKind[];
  mostBytes: number;
}

/** How the formats that services know are named on the way; the others are converted. */
const wire = {
  wav: { extension: "wav", mimeType: "audio/wav" },
  aiff: { extension: "aiff", mimeType: "audio/aiff" },
  flac: { extension: "flac", mimeType: "audio/flac" },
  mp3: { extension: "mp3", mimeType: "audio/mpeg" },
  vorbis: { extension: "ogg", mimeType: "audio/ogg" },
  opus: { extension: "ogg", mimeType: "audio/ogg" },
  oggflac: { extension: "ogg", mimeType: "audio/ogg" },
  m4a: { extension: "m4a", mimeType: "audio/mp4" },
  aac: { extension: "aac", mimeType: "audio/aac" },
} as const satisfies Partial<Record<AudioKind, { extension: string; mimeType: string }>>;

/** A format that services know. */
export type CommonKind = keyof typeof wire;

export const commonKinds = Object.keys(wire) as CommonKind[];

function isCommon(kind: AudioKind): kind is CommonKind {
  return kind in wire;
}

/** What kind a song is and how many bytes; no MIME type for a format that services do not know. @throws {AceError} ERR_FILE when it is no audio file. */
export async function inspectSong(
  path: string,
): Promise<{ kind: AudioKind; bytes: number; mimeType: string | undefined }> {
  using source = await ByteSource.open(path);
  const found = await sniffAudio(source);
  if (found === undefined) throw audioRefusal("not-audio", path, "is not an audio file this program knows");
  return {
    kind: found.kind,
    bytes: source.size,
    mimeType: isCommon(found.kind) ? wire[found.kind].mimeType : undefined,
  };
}

/**
 * The song as it is where the service takes it, else as mono mp3 by the `ffmpeg` on PATH, else (no ffmpeg, or one without
 * an mp3 encoder) as mono WAV at the highest rate that fits.
 *
 * @throws {AceError} ERR_FILE when the song cannot be read, or is too long for the limit in any form.
 */
export async function fitUpload(path: string, limits: UploadLimits, signal: AbortSignal): Promise<Upload> {
  const { kind, bytes } = await inspectSong(path);
  if (isCommon(kind) && limits.kinds.includes(kind) && bytes <= limits.mostBytes) {
    return uploadOf(Uint8Array.from(await readFile(path, { signal })), kind);
  }
  const mp3 = await encodeMp3(path, kind, limits.mostBytes, signal);
  if (mp3 !== undefined) return uploadOf(mp3, "mp3");
  return uploadOf(await monoWav(path, limits.mostBytes, signal), "wav");
}

function uploadOf(bytes: Uint8Array<ArrayBuffer>, kind: CommonKind): Upload {
  const { extension, mimeType } = wire[kind];
  return { bytes, fileName: `song.${extension}`, mimeType, format: extension };
}

/** Speech models hear 16 kHz; less would cost words. */
const ratesHz = [44_100, 32_000, 24_000, 16_000];

async function monoWav(
  path: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const lowest = ratesHz.at(-1) ?? 16_000;
  // Decoded once at the lowest rate to learn the length, which not every header knows.
  const first = await decodeAudio(path, { sampleRateHz: lowest, signal });
  const mostSamplesPerS = (mostBytes - 44) / 2 / first.durationS;
  const rate = ratesHz.find((candidate) => candidate <= mostSamplesPerS);
  if (rate === undefined) {
    const minutes = ((mostBytes - 44) / 2 / lowest / 60).toFixed(0);
    const what = `is ${(first.durationS / 60).toFixed(1)} min; ${minutes} min fit into ${(mostBytes / 1e6).toFixed(0)} MB without ffmpeg; install ffmpeg or send an mp3`;
    throw audioRefusal("too-long", path, what);
  }
  const { channels } = rate === lowest ? first : await decodeAudio(path, { sampleRateHz: rate, signal });
  const [left, right] = channels;
  return encodeWav(path, [left.map((value, i) => (value + (right[i] ?? 0)) / 2)], rate, "pcm16");
}
