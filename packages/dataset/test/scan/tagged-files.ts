import { ascii, join } from "../audio/wave-files.js";

/** An ID3v2.3 tag of text frames (UTF-16) and, for "USLT", lyrics. */
export function id3(frames: Record<string, string>): Uint8Array {
  const bodies = Object.entries(frames).map(([id, text]) => {
    const wide = Buffer.from(`\ufeff${text}`, "utf16le");
    const empty = Buffer.from("\ufeff\0", "utf16le");
    const body =
      id === "USLT" ? join(Uint8Array.of(1), ascii("eng"), empty, wide) : join(Uint8Array.of(1), wide);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(body.length);
    return join(ascii(id), size, new Uint8Array(2), body);
  });
  const content = join(...bodies);
  const size = [21, 14, 7, 0].map((shift) => (content.length >> shift) & 127);
  return join(ascii("ID3"), Uint8Array.of(3, 0, 0, ...size), content);
}

/** A FLAC file with a block of Vorbis comments put after its stream information. */
export function withComments(flac: Uint8Array, comments: readonly string[]): Uint8Array {
  const lengthened = (text: string): Uint8Array => {
    const size = Buffer.alloc(4);
    const bytes = Buffer.from(text);
    size.writeUInt32LE(bytes.length);
    return join(size, bytes);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32LE(comments.length);
  const body = join(lengthened("test"), count, ...comments.map(lengthened));
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  header[0] = 4;
  const afterStreamInfo = 42;
  const head = Uint8Array.from(flac.subarray(0, afterStreamInfo));
  head[4] = (head[4] ?? 0) & 127;
  // The blocks after it are dropped: the fixture's own comments among them.
  let at = afterStreamInfo;
  for (let last = (flac[4] ?? 0) >= 128; !last;) {
    last = (flac[at] ?? 0) >= 128;
    at += 4 + (((flac[at + 1] ?? 0) << 16) | ((flac[at + 2] ?? 0) << 8) | (flac[at + 3] ?? 0));
  }
  header[0] |= 128;
  return join(head, header, body, flac.subarray(at));
}
