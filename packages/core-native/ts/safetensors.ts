import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { saveChunksAtomic, writeChunksAtomic } from "./atomic-file.js";
import { AceError } from "./errors.js";
import { damaged, dtypeBytes, elementCount, maxHeaderBytes, parseHeader } from "./safetensors-header.js";
import type { SafetensorsHeader } from "./safetensors-header.js";
import type { HostTensor, TensorEntry } from "./types.js";

/**
 * Reads names, dtypes, shapes and places of all tensors; nothing else of the file is read. Links are followed.
 *
 * @throws {AceError} ERR_FILE when the file is missing, truncated or its header does not fit its bytes exactly.
 */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withFile(path, readHeader);
}

/**
 * Reads tensors as bytes: all of them, or the named ones.
 *
 * @throws {AceError} ERR_FILE as {@link readSafetensorsHeader}; ERR_CHECKPOINT when a name is not in the file.
 */
export function readSafetensors(
  path: string,
  names?: readonly string[],
): { metadata: Record<string, string>; tensors: Record<string, HostTensor> } {
  return withFile(path, (file) => {
    const { metadata, tensors } = readHeader(file);
    const read = (names ?? Object.keys(tensors)).map((name): [string, HostTensor] => {
      if (!Object.hasOwn(tensors, name)) {
        throw new AceError("ERR_CHECKPOINT", `${path}: has no tensor ${JSON.stringify(name)}`);
      }
      return [name, readTensor(file, tensors[name] as TensorEntry)];
    });
    return { metadata, tensors: Object.fromEntries(read) };
  });
}

/**
 * Reads all tensors of a file that is in memory, e.g. one that lies inside a larger file. The tensors are views of
 * `bytes`.
 *
 * @param where the file's name in messages.
 * @throws {AceError} ERR_FILE as {@link readSafetensorsHeader}.
 */
export function parseSafetensors(
  where: string,
  bytes: Uint8Array,
): { metadata: Record<string, string>; tensors: Record<string, HostTensor> } {
  // A Buffer's own slice() would not copy, which whoever reads the values relies on.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = headerLength(where, plain.subarray(0, 8), plain.length);
  const dataOffset = 8 + headerBytes;
  const { metadata, tensors } = parseHeader(where, plain.subarray(8, dataOffset), dataOffset, plain.length);
  const views = Object.entries(tensors).map(([name, { dtype, shape, byteOffset, byteLength }]) => {
    const data = plain.subarray(byteOffset, byteOffset + byteLength);
    return [name, { dtype, shape, data }] as const;
  });
  return { metadata, tensors: Object.fromEntries(views) };
}

/**
 * Reads part of a file, e.g. some rows of a table, by its place from {@link readSafetensorsHeader}.
 *
 * @param ranges byte ranges [from, to) within the file; the result holds them one after another.
 * @throws {AceError} ERR_FILE when the file ends before a range does.
 */
export function readByteRanges(path: string, ranges: readonly (readonly [number, number])[]): Uint8Array {
  return withFile(path, (file) => {
    const total = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
    const bytes = allocate(path, total);
    let at = 0;
    for (const [from, to] of ranges) {
      readInto(file, bytes.subarray(at, at + to - from), from);
      at += to - from;
    }
    return bytes;
  });
}

/**
 * Writes tensors and metadata: temporary name, fsync, rename; the bytes are those of {@link safetensorsChunks}.
 *
 * @throws {AceError} ERR_SHAPE when a tensor's bytes do not fit its shape; ERR_FILE when writing fails.
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata?: Readonly<Record<string, string>>,
): void {
  writeChunksAtomic(path, safetensorsChunks(path, tensors, metadata));
}

/**
 * {@link writeSafetensors} without holding up the event loop: for a file that is written while something runs.
 *
 * @throws {AceError} ERR_SHAPE, ERR_FILE
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await saveChunksAtomic(path, safetensorsChunks(path, tensors, metadata));
}

/**
 * The bytes of a file of tensors and metadata, in pieces that follow each other. The order is by element size, then by
 * name, so equal content gives equal bytes and every tensor is aligned.
 *
 * @param path only named in messages.
 * @throws {AceError} ERR_SHAPE when a tensor's bytes do not fit its shape.
 */
export function safetensorsChunks(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const sorted = inFileOrder(tensors);
  for (const [name, { dtype, shape, data }] of sorted) {
    const expected = (elementCount(shape) ?? NaN) * dtypeBytes[dtype];
    if (data.length !== expected) {
      throw new AceError(
        "ERR_SHAPE",
        `${path}: tensor ${JSON.stringify(name)}: ${dtype} [${shape.join(", ")}] needs ${expected} bytes, got ${data.length}`,
      );
    }
  }
  return [safetensorsHead(path, tensors, metadata), ...sorted.map(([, tensor]) => tensor.data)];
}

type Described = Pick<HostTensor, "dtype" | "shape">;

function inFileOrder<T extends Described>(tensors: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(tensors).sort(
    ([nameA, a], [nameB, b]) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype] || (nameA < nameB ? -1 : 1),
  );
}

/**
 * All that stands before the tensors' bytes, for a file that is written tensor by tensor: they follow by element size, the
 * widest first, then by name.
 *
 * @param path only named in messages.
 * @throws {AceError} ERR_SHAPE for a header that is too long, or a tensor called `__metadata__`.
 */
export function safetensorsHead(
  path: string,
  tensors: Readonly<Record<string, Described>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [];
  if (metadata !== undefined) {
    const byKey = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
    entries.push(["__metadata__", Object.fromEntries(byKey)]);
  }
  let offset = 0;
  for (const [name, { dtype, shape }] of inFileOrder(tensors)) {
    if (name === "__metadata__")
      throw new AceError("ERR_SHAPE", `${path}: a tensor cannot be named __metadata__`);
    const end = offset + (elementCount(shape) ?? NaN) * dtypeBytes[dtype];
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  if (json.length > maxHeaderBytes) {
    throw new AceError(
      "ERR_SHAPE",
      `${path}: the header would take ${json.length} bytes, at most ${maxHeaderBytes}`,
    );
  }
  // The header is padded with spaces so that the data begins at a multiple of 8.
  const head = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(json, 8);
  return head;
}

interface OpenFile {
  readonly path: string;
  readonly descriptor: number;
  readonly byteLength: number;
}

function withFile<T>(path: string, work: (file: OpenFile) => T): T {
  let descriptor: number;
  try {
    // Asked before opening: opening a named pipe would wait for a writer.
    if (!statSync(path).isFile()) throw new AceError("ERR_FILE", `${path}: is not a file`);
    descriptor = openSync(path, "r");
  } catch (cause) {
    if (cause instanceof AceError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const what = missing ? "does not exist" : `cannot be opened (${(cause as Error).message})`;
    throw new AceError("ERR_FILE", `${path}: ${what}`, { cause });
  }
  try {
    return work({ path, descriptor, byteLength: fstatSync(descriptor).size });
  } finally {
    closeSync(descriptor);
  }
}

function readHeader(file: OpenFile): SafetensorsHeader {
  const { path, byteLength } = file;
  const lengthField = new Uint8Array(Math.min(8, byteLength));
  readInto(file, lengthField, 0);
  const header = new Uint8Array(headerLength(path, lengthField, byteLength));
  readInto(file, header, 8);
  return parseHeader(path, header, 8 + header.length, byteLength);
}

/** Length of the JSON header by a file's first 8 bytes, checked against the length of the file. */
function headerLength(path: string, first: Uint8Array, fileBytes: number): number {
  if (fileBytes < 8) throw damaged(path, `it has ${fileBytes} bytes, at least 8 are needed`);
  const headerBytes = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (headerBytes > BigInt(maxHeaderBytes)) {
    throw damaged(path, `its header claims ${headerBytes} bytes, at most ${maxHeaderBytes} are read`);
  }
  if (headerBytes > BigInt(fileBytes - 8)) {
    throw damaged(path, `its header claims ${headerBytes} bytes, but the file has ${fileBytes}`);
  }
  return Number(headerBytes);
}

function readTensor(file: OpenFile, entry: TensorEntry): HostTensor {
  const data = allocate(file.path, entry.byteLength);
  readInto(file, data, entry.byteOffset);
  return { dtype: entry.dtype, shape: entry.shape, data };
}

function allocate(path: string, bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new AceError("ERR_OUT_OF_MEMORY", `${path}: no room for a tensor of ${bytes} bytes`, { cause });
  }
}

/** pread until the buffer is full; a mapped file would kill the process when the file shrinks. */
function readInto(file: OpenFile, buffer: Uint8Array, position: number): void {
  const mostPerCall = 1 << 28;
  for (let done = 0; done < buffer.length;) {
    const got = readSync(
      file.descriptor,
      buffer,
      done,
      Math.min(mostPerCall, buffer.length - done),
      position + done,
    );
    if (got === 0) {
      throw damaged(
        file.path,
        `it ends at byte ${position + done}, ${buffer.length - done} more were expected`,
      );
    }
    done += got;
  }
}
