import { tagAt, viewOf, type ByteSource } from "./byte-source.js";

/** What the pages of an Ogg file say, without decoding a packet. */
export interface OggLayout {
  /** Position of the last sample, as the codec counts. */
  granules: bigint;
  /** Streams begun: 1 for an ordinary song, more when songs follow one another or video lies beside them. */
  streams: number;
  /** Offset at which the file stops making sense as pages; undefined when it is whole. */
  brokenAt: number | undefined;
  /** True when the broken page runs past the end of the file, so that the file was cut off. */
  cutOff: boolean;
  /** True when the last page carries the end-of-stream mark. */
  ended: boolean;
}

const noGranule = (1n << 64n) - 1n;

/** Walks the pages from `start`; with `verify` each page's checksum is compared, which reads the whole file. */
export async function walkOgg(source: ByteSource, start: number, verify: boolean): Promise<OggLayout> {
  const layout: OggLayout = { granules: 0n, streams: 0, brokenAt: undefined, cutOff: false, ended: false };
  let at = start;
  while (at < source.size) {
    const head = (await source.read(at, 27 + 255)).slice();
    const segments = head[26];
    if (tagAt(head, 0) !== "OggS" || segments === undefined || head.length < 27 + segments) {
      // Players append ID3v1 and other tags after a finished stream; that is no fault of the audio.
      if (!layout.ended)
        Object.assign(layout, { brokenAt: at, cutOff: source.size - at < 27 + (segments ?? 255) });
      break;
    }
    const pageBytes = head.subarray(27, 27 + segments).reduce((sum, size) => sum + size, 27 + segments);
    if (at + pageBytes > source.size) {
      Object.assign(layout, { brokenAt: at, cutOff: true, ended: false });
      break;
    }
    if (verify && !(await pageIsSound(source, at, pageBytes))) {
      Object.assign(layout, { brokenAt: at, ended: false });
      break;
    }
    const flags = head[5] ?? 0;
    if ((flags & 2) !== 0) layout.streams++;
    const granule = viewOf(head).getBigUint64(6, true);
    if (granule !== noGranule) layout.granules = granule;
    layout.ended = (flags & 4) !== 0;
    at += pageBytes;
  }
  return layout;
}

async function pageIsSound(source: ByteSource, at: number, pageBytes: number): Promise<boolean> {
  const page = (await source.read(at, pageBytes)).slice();
  if (page.length < pageBytes) return false;
  const written = viewOf(page).getUint32(22, true);
  page.fill(0, 22, 26);
  return oggChecksum(page) === written;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});

/** CRC-32 of polynomial 0x04c11db7, not reflected, initial value 0 (RFC 3533). */
export function oggChecksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ (crcTable[((crc >>> 24) ^ byte) & 255] as number)) >>> 0;
  return crc;
}
