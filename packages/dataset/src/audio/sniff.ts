import { tagAt, viewOf, type ByteSource } from "./byte-source.js";
import type { AudioKind } from "./kinds.js";
import { parseMpegHeader } from "./mpeg-frames.js";

/** Where the audio starts (after an ID3v2 tag) and what it is; undefined when nothing fits. */
export async function sniffAudio(
  source: ByteSource,
): Promise<{ kind: AudioKind; start: number } | undefined> {
  const start = await endOfId3(source);
  const head = (await source.read(start, 64)).slice();
  const kind = kindOfHead(head) ?? (await mpegKind(source, start));
  return kind === undefined ? undefined : { kind, start };
}

function kindOfHead(head: Uint8Array): AudioKind | undefined {
  const tag = tagAt(head, 0);
  if ((tag === "RIFF" || tag === "RF64" || tag === "BW64") && tagAt(head, 8) === "WAVE") return "wav";
  if (tag === "FORM" && (tagAt(head, 8) === "AIFF" || tagAt(head, 8) === "AIFC")) return "aiff";
  if (tag === "fLaC") return "flac";
  if (tagAt(head, 4) === "ftyp") return "m4a";
  if (tag === "OggS" && head.length > 28) return oggKind(head.subarray(27 + (head[26] ?? 0)));
  if (tag === "wvpk") return "wavpack";
  if (tag === "MAC ") return "ape";
  if (tag === "caff") return "caf";
  if (tag === "\x1a\x45\xdf\xa3") return "matroska";
  if (tagAt(head, 0, 8) === "\x30\x26\xb2\x75\x8e\x66\xcf\x11") return "wma";
  if (tagAt(head, 0, 2) === "\x0b\x77" && head.length >= 6) return dolbyKind(head);
  if (head.length >= 7 && head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0) return "aac";
  return undefined;
}

/** By rate, frame size and version after the two bytes that every frame begins with (ETSI TS 102 366). */
function dolbyKind(head: Uint8Array): AudioKind | undefined {
  const [, , , , rateAndSize = 0, versionAndMode = 0] = head;
  const version = versionAndMode >> 3;
  if (version > 10) return version <= 16 ? "eac3" : undefined;
  return rateAndSize >> 6 < 3 && (rateAndSize & 63) < 38 ? "ac3" : undefined;
}

/** By the first packet of the first page. */
function oggKind(packet: Uint8Array): AudioKind | undefined {
  if (tagAt(packet, 0, 7) === "\x01vorbis") return "vorbis";
  if (tagAt(packet, 0, 8) === "OpusHead") return "opus";
  if (tagAt(packet, 0, 5) === "\x7fFLAC") return "oggflac";
  return undefined;
}

/** An mp3 frame header that is followed by another one; some files carry a little padding before the first. */
async function mpegKind(source: ByteSource, start: number): Promise<AudioKind | undefined> {
  const searchBytes = 4096;
  const bytes = (await source.read(start, searchBytes + 4)).slice();
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const header = parseMpegHeader(bytes, at);
    if (header === undefined) continue;
    const next = start + at + header.frameBytes;
    if (next === source.size) return "mp3";
    const follower = await source.read(next, 4);
    if (follower.length === 4 && parseMpegHeader(follower, 0)?.sampleRateHz === header.sampleRateHz)
      return "mp3";
    if (follower.length < 4 || tagAt(follower, 0, 3) === "TAG") return at === 0 ? "mp3" : undefined;
  }
  return undefined;
}

/** The offset after any ID3v2 tags, which players put in front of mp3, flac and aac alike. */
async function endOfId3(source: ByteSource): Promise<number> {
  let offset = 0;
  for (;;) {
    const head = await source.read(offset, 10);
    if (head.length < 10 || tagAt(head, 0, 3) !== "ID3") return offset;
    const size = head.subarray(6, 10);
    if (size.some((byte) => byte > 127)) return offset;
    const footer = ((head[5] ?? 0) & 0x10) === 0 ? 0 : 10;
    offset += 10 + size.reduce((total, byte) => total * 128 + byte, 0) + footer;
  }
}

/** Where the audio ends before an ID3v1 or APE tag, which some decoders would take for a last broken frame. */
export async function startOfTrailingTags(source: ByteSource): Promise<number> {
  let end = source.size;
  if (end > 128 && tagAt((await source.read(end - 128, 3)).slice(), 0, 3) === "TAG") end -= 128;
  const footer = (await source.read(Math.max(0, end - 32), 32)).slice();
  if (footer.length < 32 || tagAt(footer, 0, 8) !== "APETAGEX") return end;
  const view = viewOf(footer);
  const header = (view.getUint32(20, true) & 0x80000000) === 0 ? 0 : 32;
  return Math.max(0, end - view.getUint32(12, true) - header);
}
