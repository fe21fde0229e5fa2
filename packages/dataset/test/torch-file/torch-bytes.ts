import { crc32, deflateRawSync } from "node:zlib";

// Just enough of zip and pickle to write files as torch.save does, and files as nobody should.

export interface ZipPart {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** Lies about the entry. */
  readonly forged?: { crc?: number; bytes?: number; method?: number; flags?: number; offset?: number };
}

export function zipBytes(parts: readonly ZipPart[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, deflate = false, forged = {} } of parts) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(forged.flags ?? 0, 2);
    fields.writeUInt16LE(forged.method ?? (deflate ? 8 : 0), 4);
    fields.writeUInt32LE(forged.crc ?? crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(forged.bytes ?? data.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(forged.offset ?? offset, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, rest, Buffer.from(name)]),
    );
    bodies.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, list, end]);
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);

/** Pieces of a protocol-2 pickle. */
export const op = {
  text(text: string): Buffer {
    const utf8 = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(utf8.length);
    return Buffer.concat([bytes(0x58), length, utf8]);
  },
  int(value: number): Buffer {
    const field = Buffer.alloc(5);
    field[0] = 0x4a;
    field.writeInt32LE(value, 1);
    return field;
  },
  global: (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`),
  tuple: (...items: Buffer[]): Buffer => Buffer.concat([bytes(0x28), ...items, bytes(0x74)]),
  reduce: (callee: Buffer, args: Buffer): Buffer => Buffer.concat([callee, args, bytes(0x52)]),
  dict: (...pairs: Buffer[]): Buffer => Buffer.concat([bytes(0x7d, 0x28), ...pairs, bytes(0x75)]),
  list: (...items: Buffer[]): Buffer => Buffer.concat([bytes(0x5d, 0x28), ...items, bytes(0x65)]),
  true: bytes(0x88),
  false: bytes(0x89),
  none: bytes(0x4e),
  float(value: number): Buffer {
    const field = Buffer.alloc(9);
    field[0] = 0x47;
    field.writeDoubleBE(value, 1);
    return field;
  },
  tensor(
    type: string,
    key: string,
    elements: number,
    shape: readonly number[],
    strides: readonly number[],
    offset = 0,
  ): Buffer {
    const ints = (values: readonly number[]): Buffer => op.tuple(...values.map((value) => op.int(value)));
    const storage = op.tuple(
      op.text("storage"),
      op.global("torch", type),
      op.text(key),
      op.text("cpu"),
      op.int(elements),
    );
    const hooks = op.reduce(op.global("collections", "OrderedDict"), bytes(0x29));
    const args = op.tuple(
      Buffer.concat([storage, bytes(0x51)]),
      op.int(offset),
      ints(shape),
      ints(strides),
      op.false,
      hooks,
    );
    return op.reduce(op.global("torch._utils", "_rebuild_tensor_v2"), args);
  },
};

export const pickle = (...body: Buffer[]): Buffer => Buffer.concat([bytes(0x80, 2), ...body, bytes(0x2e)]);

/** A torch file: its pickle and its storages by key. */
export function torchBytes(
  pickled: Buffer,
  storages: Readonly<Record<string, Uint8Array>> = {},
  options: { deflate?: boolean; byteorder?: string } = {},
): Buffer {
  const { deflate = false, byteorder } = options;
  return zipBytes([
    { name: "archive/data.pkl", data: pickled, deflate },
    ...(byteorder === undefined ? [] : [{ name: "archive/byteorder", data: Buffer.from(byteorder) }]),
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data, deflate })),
    { name: "archive/version", data: Buffer.from("3\n") },
  ]);
}
