/**
 * What a file says of itself, by Vorbis comment names (TITLE, COMMENT, ENCODER, or names of one's own in A to Z, 0 to 9
 * and `_`), as UTF-8.
 */
export type AudioTags = Readonly<Record<string, string>>;

/** Names that RIFF INFO has a place for; all others go into its comment, a line each. */
const infoNames: Readonly<Record<string, string>> = { TITLE: "INAM", ARTIST: "IART", ENCODER: "ISFT" };

/** A `LIST` chunk of kind INFO to stand behind the samples of a WAV file; nothing where there are no tags. */
export function infoChunk(tags: AudioTags): Uint8Array {
  const named: [string, string][] = [];
  const lines: string[] = [];
  for (const [name, value] of Object.entries(tags)) {
    const place = infoNames[name];
    if (place !== undefined) named.push([place, value]);
    else lines.push(name === "COMMENT" ? value : `${name}=${value}`);
  }
  if (lines.length > 0) named.push(["ICMT", lines.join("\n")]);
  if (named.length === 0) return new Uint8Array();
  const chunks = named.map(([name, value]) => riffChunk(name, Buffer.from(`${value}\0`, "utf8")));
  return riffChunk("LIST", Buffer.concat([Buffer.from("INFO", "latin1"), ...chunks]));
}

/** The size tells the content; the chunk itself is padded to an even length. */
function riffChunk(name: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, "latin1");
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** The content of a VORBIS_COMMENT block, lengths little-endian as Vorbis has them. */
export function vorbisComment(vendor: string, tags: AudioTags): Uint8Array {
  const counted = (text: string): Buffer => {
    const bytes = Buffer.from(text, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const entries = Object.entries(tags).map(([name, value]) => counted(`${name}=${value}`));
  const count = Buffer.alloc(4);
  count.writeUInt32LE(entries.length);
  return Buffer.concat([counted(vendor), count, ...entries]);
}
