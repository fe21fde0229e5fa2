import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { kindWords, type AudioKind } from "../../audio/kinds.js";

/** The demuxer is named, so that ffmpeg cannot be talked into reading a playlist. */
function demuxerOf(kind: AudioKind): string {
  const isOgg = kind === "vorbis" || kind === "opus" || kind === "oggflac";
  return kindWords[kind].demuxer ?? (isOgg ? "ogg" : kind);
}

/** Mono; the first is what captioning models are commonly sent. */
const bitRatesK = [256, 128, 64];

/**
 * A song as mono mp3 of at most so many bytes, by the `ffmpeg` on PATH: at 256 kbit/s, less where that is too long.
 *
 * @returns undefined where ffmpeg is not installed, has no mp3 encoder, refuses the file, or no bit rate fits.
 */
export async function encodeMp3(
  path: string,
  kind: AudioKind,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (const bitRateK of bitRatesK) {
    const made = await encodeAt(bitRateK, path, kind, mostBytes, signal);
    if (made !== "too long") return made;
  }
  return undefined;
}

async function encodeAt(
  bitRateK: number,
  path: string,
  kind: AudioKind,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | "too long" | undefined> {
  signal.throwIfAborted();
  const input = [
    "-nostdin",
    "-v",
    "error",
    "-xerror",
    "-protocol_whitelist",
    "file,pipe",
    "-f",
    demuxerOf(kind),
  ];
  const output = [
    "-map",
    "0:a:0",
    "-map_metadata",
    "-1",
    "-ac",
    "1",
    "-b:a",
    `${bitRateK}k`,
    "-f",
    "mp3",
    "pipe:1",
  ];
  const child = spawn("ffmpeg", [...input, "-i", `file:${resolve(path)}`, ...output], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exit = once(child, "close") as Promise<[number | null]>;
  exit.catch(() => undefined); // Awaited below; a failure to start must not be unhandled until then.
  const chunks: Buffer[] = [];
  let total = 0;
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      total += chunk.length;
      if (total > mostBytes) return "too long";
      chunks.push(chunk);
    }
    const [code] = await exit;
    return code === 0 && total > 0 ? Uint8Array.from(Buffer.concat(chunks)) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    child.kill("SIGKILL");
  }
}
