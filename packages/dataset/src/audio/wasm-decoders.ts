import { FLACDecoder } from "@wasm-audio-decoders/flac";
import { OggVorbisDecoder } from "@wasm-audio-decoders/ogg-vorbis";
import { MPEGDecoder } from "mpg123-decoder";
import { OggOpusDecoder } from "ogg-opus-decoder";
import type { ByteSource } from "./byte-source.js";
import type { AudioKind } from "./kinds.js";
import { audioRefusal } from "./refusal.js";
import { startOfTrailingTags } from "./sniff.js";

/** One piece of decoded audio: planar channels at the rate the stream has at this place. */
export interface DecodedBlock {
  channels: Float32Array[];
  sampleRateHz: number;
}

/** The part of the four WebAssembly decoders that is used here, under one shape. */
interface StreamDecoder {
  decode(chunk: Uint8Array): Promise<DecoderOutput>;
  flush(): Promise<DecoderOutput | undefined>;
  free(): void;
}

interface DecoderOutput {
  channelData: Float32Array[];
  samplesDecoded: number;
  sampleRate: number;
  bitDepth?: number;
  errors: { message: string }[];
}

export type WasmKind = Extract<AudioKind, "mp3" | "flac" | "oggflac" | "vorbis" | "opus">;

// A packet of three bytes can stand for 120 ms of silence: small chunks keep what a forged file unpacks to, before
// the limit on its length is checked again, near a hundred megabytes.
const chunkBytes = 1 << 13;

/**
 * Decodes an mp3, flac, Ogg Vorbis or Ogg Opus file piece by piece.
 *
 * @throws {AceError} ERR_FILE when the decoder finds damage.
 */
export async function* wasmBlocks(
  source: ByteSource,
  kind: WasmKind,
  start: number,
): AsyncGenerator<DecodedBlock> {
  const end = await startOfTrailingTags(source);
  const decoder = await openDecoder(kind);
  try {
    for (let at = start; at < end; at += chunkBytes) {
      const chunk = (await source.read(at, Math.min(chunkBytes, end - at))).slice();
      const output = await decoding(source.path, kind, () => decoder.decode(chunk));
      if (output.samplesDecoded > 0) yield toBlock(output, kind);
    }
    const rest = await decoding(source.path, kind, () => decoder.flush());
    if (rest !== undefined && rest.samplesDecoded > 0) yield toBlock(rest, kind);
  } finally {
    decoder.free();
  }
}

/** The decoders answer damage in three ways (an error list, console.error, an exception); all become one refusal. */
async function decoding<Output extends DecoderOutput | undefined>(
  path: string,
  kind: WasmKind,
  decode: () => Promise<Output>,
): Promise<Output> {
  let output: Output;
  try {
    output = await decode();
  } catch (cause) {
    throw damaged(path, kind, cause instanceof Error ? cause.message : String(cause));
  }
  const error = output?.errors[0];
  if (error !== undefined) throw damaged(path, kind, error.message);
  return output;
}

function damaged(path: string, kind: WasmKind, detail: string): Error {
  const line = detail.replace(/\s+/g, " ").trim();
  return audioRefusal(
    "damaged",
    path,
    `the ${kind} decoder found damage (${line}); get the file again or re-encode it`,
  );
}

async function openDecoder(kind: WasmKind): Promise<StreamDecoder> {
  switch (kind) {
    case "mp3": {
      const decoder = new MPEGDecoder();
      await decoder.ready;
      return {
        decode: (chunk) => Promise.resolve(decoder.decode(chunk)),
        flush: () => Promise.resolve(undefined),
        free: decoder.free.bind(decoder),
      };
    }
    case "flac":
    case "oggflac":
      return ready(new FLACDecoder());
    case "vorbis":
      return ready(new OggVorbisDecoder());
    case "opus": {
      const decoder = new OggOpusDecoder();
      await decoder.ready;
      return {
        // Typed as a plain value by its package, though it is a promise.
        decode: (chunk) => Promise.resolve(decoder.decode(chunk)),
        flush: () => decoder.flush(),
        free: decoder.free.bind(decoder),
      };
    }
  }
}

async function ready(decoder: FLACDecoder | OggVorbisDecoder): Promise<StreamDecoder> {
  await decoder.ready;
  return decoder;
}

function toBlock(output: DecoderOutput, kind: WasmKind): DecodedBlock {
  // Some decoders leave a few samples beyond samplesDecoded, which their end trimming took back.
  const channels = frontPair(output.channelData, kind).map((samples) =>
    samples.subarray(0, output.samplesDecoded),
  );
  if (kind === "flac" || kind === "oggflac")
    channels.forEach((samples) => {
      rescaleFlac(samples, output.bitDepth ?? 16);
    });
  return { channels, sampleRateHz: output.sampleRate };
}

/** Left and right: Vorbis and Opus order their channels left, centre, right where there is a centre. */
function frontPair(channels: readonly Float32Array[], kind: WasmKind): Float32Array[] {
  const hasCentre = (kind === "vorbis" || kind === "opus") && channels.length >= 3 && channels.length !== 4;
  return channels.filter((_, index) => index === 0 || index === (hasCentre ? 2 : 1));
}

/** Added to a small double and taken away again, this rounds it to an integer; `Math.round` takes several times as long here. */
const roundingBias = 1.5 * 2 ** 52;

/** The FLAC decoder divides by 2^(bits-1) - 1; full scale is 2^(bits-1). Rounding restores the exact integer first. */
function rescaleFlac(samples: Float32Array, bitDepth: number): void {
  const full = 2 ** (bitDepth - 1);
  for (let index = 0; index < samples.length; index++) {
    const whole = (samples[index] as number) * (full - 1) + roundingBias - roundingBias;
    samples[index] = whole / full;
  }
}
