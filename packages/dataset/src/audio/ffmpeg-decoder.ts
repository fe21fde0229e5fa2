import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { tagAt, viewOf, type ByteSource } from "./byte-source.js";
import { kindWords, type FfmpegKind } from "./kinds.js";
import { deinterleave, type PcmLayout } from "./pcm-samples.js";
import { audioRefusal } from "./refusal.js";
import type { DecodedBlock } from "./wasm-decoders.js";

/** No song takes ffmpeg this long; what a damaged file makes it do might. */
const longestCpuS = 300;
/** No block of a song is larger; a forged header asks for more. */
const largestBlockBytes = 128 * 2 ** 20;

/**
 * Decodes through the `ffmpeg` on PATH a file that is not decoded here, reading its answer as it comes.
 *
 * The first damage ends it, rather than a song with holes. The demuxer is named, so that ffmpeg cannot be talked into
 * reading a playlist, and only files may be opened.
 *
 * @param hearCodec is told ffmpeg's name of the codec
 * @throws {AceError} ERR_FILE when ffmpeg is not installed or refuses the file.
 */
export async function* ffmpegBlocks(
  source: ByteSource,
  kind: FfmpegKind,
  hearCodec: (name: string) => void,
): AsyncGenerator<DecodedBlock> {
  const process = startFfmpeg(source.path, kind, ["-bitexact", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]);
  try {
    yield* wavBlocks(process.child.stdout);
    await process.ended;
  } finally {
    if (process.codec !== undefined) hearCodec(process.codec);
    process.child.kill("SIGKILL");
  }
}

/**
 * How long a file plays by its container, in seconds; undefined where the container does not say.
 *
 * @throws {AceError} ERR_FILE when ffmpeg is not installed or refuses the file.
 */
export async function ffmpegLengthS(path: string, kind: FfmpegKind): Promise<number | undefined> {
  const process = startFfmpeg(path, kind, ["-t", "0", "-f", "null", "-"]);
  process.child.stdout.resume();
  await process.ended;
  return process.lengthS;
}

/** A running ffmpeg and what it said of its input so far. */
class FfmpegProcess {
  codec: string | undefined;
  lengthS: number | undefined;
  /** Resolves when it ended well, and rejects with the refusal of the file when not. */
  readonly ended: Promise<void>;
  #complaint: string | undefined;

  constructor(
    readonly child: ChildProcessByStdio<null, Readable, Readable>,
    path: string,
    kind: FfmpegKind,
  ) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.#hear(line);
    });
    const closed = once(child, "close") as Promise<[number | null]>;
    this.ended = closed.then(
      ([code]) => {
        if (code === 0) return;
        const why = this.#complaint ?? "no reason given";
        throw audioRefusal("damaged", path, `ffmpeg could not decode it: ${why}; get the file again`);
      },
      (cause: unknown) => {
        throw startFailure(path, kind, cause);
      },
    );
    this.ended.catch(() => undefined); // Awaited by the caller; it must not be unhandled until then.
  }

  /** Its lines look like `[mov @ 0x55] [error] moov atom not found` and `[info]   Stream #0:0: Audio: aac (LC), ...`. */
  #hear(line: string): void {
    this.#complaint ??= /\[(?:error|fatal|panic)\] (.{1,300})/.exec(line)?.[1]?.trim();
    this.codec ??= /^\[info\] +Stream #0:\d.*?: Audio: (\w+)/.exec(line)?.[1];
    const [, hours, minutes, seconds] = /^\[info\] +Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(line) ?? [];
    if (hours !== undefined) this.lengthS ??= Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  }
}

function startFfmpeg(path: string, kind: FfmpegKind, output: readonly string[]): FfmpegProcess {
  const manner = ["-hide_banner", "-nostdin", "-nostats", "-v", "level+info", "-xerror"];
  const guard = [
    "-timelimit",
    String(longestCpuS),
    "-max_alloc",
    String(largestBlockBytes),
    "-protocol_whitelist",
    "file,pipe",
  ];
  const input = ["-f", kindWords[kind].demuxer ?? kind, "-i", `file:${resolve(path)}`, "-map", "0:a:0"];
  const child = spawn("ffmpeg", [...manner, ...guard, ...input, ...output], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new FfmpegProcess(child, path, kind);
}

function startFailure(path: string, kind: FfmpegKind, cause: unknown): Error {
  if ((cause as NodeJS.ErrnoException).code !== "ENOENT") return cause as Error;
  return audioRefusal(
    "needs-ffmpeg",
    path,
    `is ${kindWords[kind].name}, which is decoded by ffmpeg, which is not installed; install it or convert to flac`,
  );
}

/** ffmpeg's own WAV stream: a header of unknown length, then samples until the end. */
async function* wavBlocks(stream: AsyncIterable<Buffer>): AsyncGenerator<DecodedBlock> {
  let pending = Buffer.alloc(0);
  let layout: PcmLayout | undefined;
  for await (const bytes of stream) {
    pending = Buffer.concat([pending, bytes]);
    if (layout === undefined) {
      const header = streamedHeader(pending);
      if (header === undefined) continue;
      layout = header;
      pending = pending.subarray(layout.dataStart);
    }
    const whole = pending.length - (pending.length % (layout.channels * layout.bytesPerSample));
    if (whole === 0) continue;
    yield {
      channels: deinterleave(pending.subarray(0, whole), layout, 2),
      sampleRateHz: layout.sampleRateHz,
    };
    pending = pending.subarray(whole);
  }
}

/** Undefined until the data chunk has come. */
function streamedHeader(bytes: Buffer): PcmLayout | undefined {
  const view = viewOf(bytes);
  let format: { channels: number; sampleRateHz: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, true)) {
    const id = tagAt(bytes, at);
    if (id === "fmt " && at + 24 <= bytes.length) {
      format = { channels: view.getUint16(at + 10, true), sampleRateHz: view.getUint32(at + 12, true) };
    } else if (id === "data" && format !== undefined) {
      const shape = { sample: "f32", bytesPerSample: 4, littleEndian: true, frames: 0 } as const;
      return { ...format, ...shape, dataStart: at + 8 };
    }
  }
  return undefined;
}
