import { AceError } from "@acewright/core-native";
import { createRequire } from "node:module";
import { vorbisComment, type AudioTags } from "./audio-tags.js";
import { toInteger } from "./write-wav.js";

/** The library's default trade of time for size. */
const compression = 5;
/** Frames handed over at a time, between two signs of life. */
const blockFrames = 1 << 15;
const streamInfoBytes = 34;
const commentKind = 4;

/** The part of libflacjs used here, under its own names; encoders are handles, 0 for none. */
interface FlacLibrary {
  isReady(): boolean;
  on(event: "ready", then: () => void): void;
  create_libflac_encoder(
    sampleRateHz: number,
    channels: number,
    bits: number,
    compression: number,
    frames: number,
    verify: boolean,
  ): number;
  /** @returns 0 where it went well */
  init_encoder_stream(
    encoder: number,
    onBytes: (bytes: Uint8Array) => void,
    onEnd: (info: { md5sum: string } | undefined) => void,
  ): number;
  FLAC__stream_encoder_process_interleaved(encoder: number, samples: Int32Array, frames: number): boolean;
  FLAC__stream_encoder_get_state(encoder: number): number;
  FLAC__stream_encoder_finish(encoder: number): boolean;
  FLAC__stream_encoder_delete(encoder: number): void;
}

let library: Promise<FlacLibrary> | undefined;

/** Its WebAssembly build fetches its code from an address, which Node has none of; this one is plain JavaScript. */
async function openLibrary(): Promise<FlacLibrary> {
  const flac = (createRequire(import.meta.url)("libflacjs") as (variant: string) => FlacLibrary)("release");
  if (!flac.isReady()) {
    await new Promise<void>((resolve) => {
      flac.on("ready", resolve);
    });
  }
  return flac;
}

/**
 * The bytes of a FLAC file: planar channels (full scale 1) as whole numbers of `bits`, clipped at full scale. The encoder
 * decodes what it wrote and compares, and the MD5 of the samples stands in the header.
 *
 * @param path only named in errors
 * @throws {AceError} ERR_INTERNAL when the encoder fails or its check does.
 */
export async function encodeFlac(
  path: string,
  channels: readonly Float32Array[],
  sampleRateHz: number,
  bits: 16 | 24,
  tags: AudioTags = {},
  beat: () => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const flac = await (library ??= openLibrary());
  const frames = channels[0]?.length ?? 0;
  const written: Uint8Array[] = [];
  let digest = "";
  const encoder = flac.create_libflac_encoder(sampleRateHz, channels.length, bits, compression, frames, true);
  const fail = (what: string): never => {
    throw new AceError("ERR_INTERNAL", `${path}: the FLAC encoder ${what}; nothing was written`);
  };
  if (encoder === 0) fail(`takes no ${channels.length} channels at ${sampleRateHz} Hz`);
  try {
    const status = flac.init_encoder_stream(
      encoder,
      (bytes) => void written.push(bytes.slice()),
      (info) => (digest = info?.md5sum ?? ""),
    );
    if (status !== 0) fail(`did not start (status ${status})`);
    for (let from = 0; from < frames; from += blockFrames) {
      const block = interleaved(channels, from, Math.min(frames, from + blockFrames), 2 ** (bits - 1));
      if (!flac.FLAC__stream_encoder_process_interleaved(encoder, block, block.length / channels.length)) {
        fail(`stopped (state ${flac.FLAC__stream_encoder_get_state(encoder)})`);
      }
      beat();
    }
    if (!flac.FLAC__stream_encoder_finish(encoder)) fail("did not verify what it wrote");
  } finally {
    flac.FLAC__stream_encoder_delete(encoder);
  }
  return withTags(Buffer.concat(written), digest, tags);
}

function interleaved(
  channels: readonly Float32Array[],
  from: number,
  to: number,
  full: number,
): Int32Array<ArrayBuffer> {
  const out = new Int32Array((to - from) * channels.length);
  channels.forEach((channel, index) => {
    for (let frame = from, at = index; frame < to; frame++, at += channels.length) {
      out[at] = toInteger(channel[frame] as number, full);
    }
  });
  return out;
}

/** The encoder cannot go back to its header: the digest is filled in here, and its comment block gives way to ours. */
function withTags(bytes: Buffer, digest: string, tags: AudioTags): Uint8Array<ArrayBuffer> {
  const info = Buffer.from(bytes.subarray(8, 8 + streamInfoBytes));
  Buffer.from(digest, "hex").copy(info, streamInfoBytes - 16);
  let vendor = "libFLAC";
  let at = 4;
  for (let last = false; !last;) {
    const kind = bytes.readUInt8(at);
    const length = bytes.readUIntBE(at + 1, 3);
    last = (kind & 0x80) !== 0;
    if ((kind & 0x7f) === commentKind) {
      vendor = bytes.toString("utf8", at + 8, at + 8 + bytes.readUInt32LE(at + 4));
    }
    at += 4 + length;
  }
  const comment = vorbisComment(vendor, tags);
  const parts = [
    Buffer.from("fLaC", "latin1"),
    blockHead(0, info.length),
    info,
    blockHead(0x80 | commentKind, comment.length),
    comment,
    bytes.subarray(at),
  ];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    out.set(part, place);
    place += part.length;
  }
  return out;
}

function blockHead(kind: number, length: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(kind);
  head.writeUIntBE(length, 1, 3);
  return head;
}
