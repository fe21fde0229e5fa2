import { closeRaw, openRaw, readRaw, statRaw } from "../raw-file.js";
import { audioRefusal } from "./refusal.js";

const windowBytes = 1 << 16;

/** Random access to the bytes of a regular file, by read calls only, through one small window. */
export class ByteSource implements Disposable {
  readonly #file: number;
  readonly #window: Uint8Array;
  #windowStart = 0;
  #windowLength = 0;

  private constructor(
    file: number,
    readonly path: string,
    readonly size: number,
  ) {
    this.#file = file;
    this.#window = new Uint8Array(Math.min(windowBytes, size));
  }

  /**
   * Opens a file for reading.
   *
   * @throws {AceError} ERR_FILE when it is missing, unreadable, a folder or a device, or empty.
   */
  static async open(path: string): Promise<ByteSource> {
    let file: number;
    try {
      file = await openRaw(path);
    } catch (cause) {
      throw audioRefusal("missing", path, openFailure(cause));
    }
    try {
      const stat = statRaw(file);
      if (!stat.isFile()) throw audioRefusal("not-audio", path, "is not a regular file; name an audio file");
      if (stat.size === 0) throw audioRefusal("empty", path, "is empty (0 bytes); export the song again");
      return new ByteSource(file, path, stat.size);
    } catch (error) {
      closeRaw(file);
      throw error;
    }
  }

  /** Up to `length` bytes at `offset`; fewer only at the end of the file. The view is valid until the next call. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    if (wanted > windowBytes) return readRaw(this.#file, new Uint8Array(wanted), offset);
    if (offset < this.#windowStart || offset + wanted > this.#windowStart + this.#windowLength) {
      this.#windowStart = offset;
      this.#windowLength = (await readRaw(this.#file, this.#window, offset)).length;
    }
    const start = offset - this.#windowStart;
    return this.#window.subarray(start, Math.min(start + wanted, this.#windowLength));
  }

  [Symbol.dispose](): void {
    closeRaw(this.#file);
  }
}

function openFailure(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
  if (code === "EACCES" || code === "EPERM") return "may not be read (no permission)";
  return `could not be opened: ${cause instanceof Error ? cause.message : String(cause)}`;
}

/** Big-endian and little-endian reads that speak of offsets, over bytes already fetched. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Four (or more) bytes as Latin letters, as container formats name their parts. */
export function tagAt(bytes: Uint8Array, offset: number, length = 4): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}
