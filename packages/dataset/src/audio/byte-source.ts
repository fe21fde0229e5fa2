import { open, type FileHandle } from "node:fs/promises";
import { audioRefusal } from "./refusal.js";

const windowBytes = 1 << 16;

/** Random access to the bytes of a regular file, by read calls only, through one small window. */
export class ByteSource implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #window = new Uint8Array(windowBytes);
  #windowStart = 0;
  #windowLength = 0;

  private constructor(
    handle: FileHandle,
    readonly path: string,
    readonly size: number,
  ) {
    this.#handle = handle;
  }

  /**
   * Opens a file for reading.
   *
   * @throws {AceError} ERR_FILE when it is missing, unreadable, a folder or a device, or empty.
   */
  static async open(path: string): Promise<ByteSource> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (cause) {
      throw audioRefusal("missing", path, openFailure(cause));
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw audioRefusal("not-audio", path, "is not a regular file; name an audio file");
      if (stat.size === 0) throw audioRefusal("empty", path, "is empty (0 bytes); export the song again");
      return new ByteSource(handle, path, stat.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Up to `length` bytes at `offset`; fewer only at the end of the file. The view is valid until the next call. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    if (wanted > windowBytes) return this.#fill(new Uint8Array(wanted), offset);
    if (offset < this.#windowStart || offset + wanted > this.#windowStart + this.#windowLength) {
      this.#windowStart = offset;
      this.#windowLength = (await this.#fill(this.#window, offset)).length;
    }
    const start = offset - this.#windowStart;
    return this.#window.subarray(start, Math.min(start + wanted, this.#windowLength));
  }

  async #fill(target: Uint8Array, offset: number): Promise<Uint8Array> {
    let filled = 0;
    while (filled < target.length) {
      const { bytesRead } = await this.#handle.read(target, filled, target.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return target.subarray(0, filled);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
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
