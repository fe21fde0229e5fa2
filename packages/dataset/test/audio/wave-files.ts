/** Builds WAV, RF64 and AIFF files byte by byte, so that each oddity of the formats can be made on purpose. */
export interface Chunk {
  id: string;
  body: Uint8Array;
  /** Written instead of the body's length. */
  declared?: number;
  /** Leave out the pad byte after an odd body. */
  unpadded?: boolean;
}

export function riff(chunks: readonly Chunk[], options: { id?: string; form?: string } = {}): Uint8Array {
  return container(chunks, options.id ?? "RIFF", options.form ?? "WAVE", true);
}

export function form(chunks: readonly Chunk[], type: "AIFF" | "AIFC"): Uint8Array {
  return container(chunks, "FORM", type, false);
}

function container(chunks: readonly Chunk[], id: string, type: string, littleEndian: boolean): Uint8Array {
  const parts = chunks.map(({ id: name, body, declared, unpadded }) => {
    const padding = body.length % 2 === 1 && unpadded !== true ? 1 : 0;
    return join(ascii(name), uint32(declared ?? body.length, littleEndian), body, new Uint8Array(padding));
  });
  const content = join(ascii(type), ...parts);
  return join(ascii(id), uint32(content.length, littleEndian), content);
}

export interface FormatFields {
  tag?: number;
  channels?: number;
  rateHz?: number;
  bits?: number;
  frameBytes?: number;
}

export function fmt(fields: FormatFields = {}): Chunk {
  const { tag = 1, channels = 2, rateHz = 48000, bits = 16 } = fields;
  const frameBytes = fields.frameBytes ?? channels * Math.ceil(bits / 8);
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  [tag, channels].forEach((value, index) => {
    view.setUint16(index * 2, value, true);
  });
  view.setUint32(4, rateHz, true);
  view.setUint32(8, rateHz * frameBytes, true);
  view.setUint16(12, frameBytes, true);
  view.setUint16(14, bits, true);
  return { id: "fmt ", body };
}

/** The same format, said the long way. */
export function fmtExtensible(fields: FormatFields = {}): Chunk {
  const plain = fmt({ ...fields, tag: 0xfffe });
  const extension = new Uint8Array(24);
  const view = new DataView(extension.buffer);
  view.setUint16(0, 22, true);
  view.setUint16(2, fields.bits ?? 16, true);
  view.setUint16(8, fields.tag ?? 1, true);
  extension.set([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71], 10);
  return { id: "fmt ", body: join(plain.body, extension) };
}

export type Coding = "u8" | "s8" | "s16" | "s24" | "s32" | "f32" | "f64";

/** Interleaves planar channels in a coding. */
export function samples(channels: readonly Float32Array[], coding: Coding, littleEndian = true): Uint8Array {
  const bytes = { u8: 1, s8: 1, s16: 2, s24: 3, s32: 4, f32: 4, f64: 8 }[coding];
  const frames = channels[0]?.length ?? 0;
  const body = new Uint8Array(frames * channels.length * bytes);
  const view = new DataView(body.buffer);
  let at = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (const channel of channels) {
      writeSample(view, at, channel[frame] as number, coding, littleEndian);
      at += bytes;
    }
  }
  return body;
}

function writeSample(view: DataView, at: number, value: number, coding: Coding, littleEndian: boolean): void {
  if (coding === "f32") view.setFloat32(at, value, littleEndian);
  else if (coding === "f64") view.setFloat64(at, value, littleEndian);
  else if (coding === "u8") view.setUint8(at, Math.round(value * 128) + 128);
  else if (coding === "s8") view.setInt8(at, Math.round(value * 128));
  else if (coding === "s16") view.setInt16(at, Math.round(value * 32768), littleEndian);
  else if (coding === "s32") view.setInt32(at, Math.round(value * 2147483648), littleEndian);
  else {
    const integer = Math.round(value * 8388608);
    const bytes = [integer & 255, (integer >> 8) & 255, (integer >> 16) & 255];
    (littleEndian ? bytes : bytes.reverse()).forEach((byte, index) => {
      view.setUint8(at + index, byte);
    });
  }
}

/** AIFF's COMM chunk; `compression` makes it AIFC's. */
export function comm(
  frames: number,
  bits: number,
  channels: number,
  rateHz: number,
  compression?: string,
): Chunk {
  const body = new Uint8Array(18);
  const view = new DataView(body.buffer);
  view.setUint16(0, channels);
  view.setUint32(2, frames);
  view.setUint16(6, bits);
  const exponent = Math.floor(Math.log2(rateHz));
  view.setUint16(8, 16383 + exponent);
  view.setBigUint64(10, BigInt(rateHz) << BigInt(63 - exponent));
  const tail = compression === undefined ? new Uint8Array() : join(ascii(compression), new Uint8Array(2));
  return { id: "COMM", body: join(body, tail) };
}

export function ssnd(body: Uint8Array): Chunk {
  return { id: "SSND", body: join(new Uint8Array(8), body) };
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

export function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function uint32(value: number, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, littleEndian);
  return bytes;
}
