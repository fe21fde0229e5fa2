import { AceError } from "@acewright/core-native";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { crc32, inflateRawSync } from "node:zlib";

/** Largest entry that is unpacked; what a torch file of latents holds is a few megabytes. */
const maxEntryBytes = 1_000_000_000;
const maxEntries = 100_000;

interface ZipEntry {
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly headerOffset: number;
}

/**
 * Reads entries of a zip file into memory by name. Nothing is ever written to disk, so names are labels, not paths.
 * Sizes are bounded by what the file can hold and by a limit, and checksums are compared.
 */
export class ZipReader {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #fileBytes: number;
  readonly #entries: ReadonlyMap<string, ZipEntry>;

  private constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#fileBytes = fstatSync(descriptor).size;
    this.#entries = this.#readDirectory();
  }

  /**
   * Opens a zip file for the time of `work`.
   *
   * @throws {AceError} ERR_FILE when it is missing or not a sound zip file.
   */
  static use<T>(path: string, work: (zip: ZipReader) => T): T {
    let descriptor: number;
    try {
      if (!statSync(path).isFile()) throw new Error("not a file");
      descriptor = openSync(path, "r");
    } catch (cause) {
      throw new AceError("ERR_FILE", `${path}: cannot be opened (${(cause as Error).message})`, { cause });
    }
    try {
      return work(new ZipReader(path, descriptor));
    } finally {
      closeSync(descriptor);
    }
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /** @param limit most bytes the entry may unpack to. */
  read(name: string, limit = maxEntryBytes): Uint8Array {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw this.#refuse(`it has no entry ${JSON.stringify(name)}`);
    const { bytes, packedBytes, method, crc } = entry;
    if (bytes > limit)
      throw this.#refuse(
        `its entry ${JSON.stringify(name)} claims ${bytes} bytes, at most ${limit} are read`,
      );
    const local = this.#bytes(entry.headerOffset, 30);
    if (u32(local, 0) !== 0x04034b50)
      throw this.#refuse(`its entry ${JSON.stringify(name)} has no local header`);
    const packed = this.#bytes(entry.headerOffset + 30 + u16(local, 26) + u16(local, 28), packedBytes);
    const unpacked = this.#unpack(name, packed, bytes, method);
    if (unpacked.length !== bytes || crc32(unpacked) !== crc) {
      throw this.#refuse(`its entry ${JSON.stringify(name)} does not match its checksum`);
    }
    return unpacked;
  }

  #unpack(name: string, packed: Uint8Array, bytes: number, method: number): Uint8Array {
    if (method === 0) return packed;
    if (method !== 8)
      throw this.#refuse(
        `its entry ${JSON.stringify(name)} is packed by method ${method}, expected stored or deflated`,
      );
    try {
      // One more than expected, so that an entry that goes on is seen and not cut.
      return inflateRawSync(packed, { maxOutputLength: bytes + 1 });
    } catch (cause) {
      throw this.#refuse(
        `its entry ${JSON.stringify(name)} does not unpack (${(cause as Error).message})`,
        cause,
      );
    }
  }

  /** The list of entries stands at the end; entries that are not in it do not exist. */
  #readDirectory(): Map<string, ZipEntry> {
    const tailBytes = Math.min(this.#fileBytes, 22 + 65_535);
    const tail = this.#bytes(this.#fileBytes - tailBytes, tailBytes);
    let end = tail.length - 22;
    while (end >= 0 && u32(tail, end) !== 0x06054b50) end--;
    if (end < 0) throw this.#refuse("it has no list of entries at its end; it is cut off, or not a zip file");
    const [count, bytes, offset] = [u16(tail, end + 10), u32(tail, end + 12), u32(tail, end + 16)];
    if (count === 0xffff || bytes === 0xffffffff || offset === 0xffffffff) {
      throw this.#refuse("it uses zip64, which is for files above 4 GB");
    }
    if (count > maxEntries) throw this.#refuse(`it lists ${count} entries, at most ${maxEntries} are read`);
    const directory = this.#bytes(offset, bytes);
    const entries = new Map<string, ZipEntry>();
    let at = 0;
    for (let i = 0; i < count; i++) {
      if (at + 46 > directory.length || u32(directory, at) !== 0x02014b50)
        throw this.#refuse("its list of entries is damaged");
      const nameBytes = u16(directory, at + 28);
      const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameBytes));
      if (u16(directory, at + 8) & 1) throw this.#refuse(`its entry ${JSON.stringify(name)} is encrypted`);
      if (entries.has(name)) throw this.#refuse(`its entry ${JSON.stringify(name)} stands twice`);
      entries.set(name, {
        method: u16(directory, at + 10),
        crc: u32(directory, at + 16),
        packedBytes: u32(directory, at + 20),
        bytes: u32(directory, at + 24),
        headerOffset: u32(directory, at + 42),
      });
      at += 46 + nameBytes + u16(directory, at + 30) + u16(directory, at + 32);
    }
    return entries;
  }

  #bytes(offset: number, length: number): Uint8Array {
    if (offset + length > this.#fileBytes) {
      throw this.#refuse(
        `bytes ${offset} to ${offset + length} are asked for, the file has ${this.#fileBytes}`,
      );
    }
    const buffer = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const got = readSync(this.#descriptor, buffer, done, length - done, offset + done);
      if (got === 0) throw this.#refuse("it was cut while it was read");
      done += got;
    }
    return buffer;
  }

  #refuse(what: string, cause?: unknown): AceError {
    return new AceError("ERR_FILE", `${this.#path}: not a sound zip file: ${what}`, { cause });
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}
