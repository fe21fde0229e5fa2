import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { once } from "node:events";
import { tagAt, viewOf, type ByteSource } from "./byte-source.js";
import { deinterleave, type PcmLayout } from "./pcm-samples.js";
import { audioRefusal } from "./refusal.js";
import type { DecodedBlock } from "./wasm-decoders.js";

/**
 * Decodes an MPEG-4 or AAC file through the `ffmpeg` on PATH, reading its answer as it comes.
 *
 * The first damage ends it, rather than a song with holes. The demuxer is named, so that ffmpeg cannot be talked into
 * reading a playlist, and only this file may be opened.
 *
 * @throws {AceError} ERR_FILE when ffmpeg is not installed or refuses the file.
 */
export async function* ffmpegBlocks(source: ByteSource, kind: "m4a" | "aac"): AsyncGenerator<DecodedBlock> {
  const demuxer = kind === "m4a" ? "mov" : "aac";
  const input = ["-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file,pipe", "-f", demuxer];
  const output = ["-map", "0:a:0", "-bitexact", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"];
  const child = spawn("ffmpeg", [...input, "-i", `file:${resolve(source.path)}`, ...output], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (text: string) => (complaint = (complaint + text).slice(0, 1000)));
  const exit = once(child, "close") as Promise<[number | null]>;
  exit.catch(() => undefined); // Awaited below; a failure to start must not be unhandled until then.
  try {
    yield* wavBlocks(child.stdout);
    const [code] = await exit.catch((cause: unknown) => {
      throw startFailure(source.path, kind, cause);
    });
    if (code !== 0) {
      const line = (complaint.trim().split("\n")[0] ?? "").replace(/^\[\w+ @ 0x[0-9a-f]+\] /, "");
      throw audioRefusal(
        "damaged",
        source.path,
        `ffmpeg could not decode it: ${line === "" ? "no reason given" : line}`,
      );
    }
  } finally {
    child.kill("SIGKILL");
  }
}

function startFailure(path: string, kind: "m4a" | "aac", cause: unknown): Error {
  if ((cause as NodeJS.ErrnoException).code !== "ENOENT") return cause as Error;
  return audioRefusal(
    "needs-ffmpeg",
    path,
    `${kind} files are decoded by ffmpeg, which is not installed; install it or convert to flac`,
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
