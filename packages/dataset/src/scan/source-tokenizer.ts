import { AbstractTokenizer, EndOfStreamError, type IFileInfo, type IReadChunkOptions } from "strtok3";
import type { ByteSource } from "../audio/byte-source.js";

/** A tag's cover is a few megabytes; what claims more lies. */
const mostTagBytes = 32 * 2 ** 20;

/** Lets the tag reader read through a file that is open already, so that a song is opened once. */
export class SourceTokenizer extends AbstractTokenizer {
  readonly fileInfo: IFileInfo;
  readonly #source: ByteSource;

  /** @param signal ends the reading; the source stays open. */
  constructor(source: ByteSource, mimeType: string, signal: AbortSignal) {
    super({ maxBufferSize: mostTagBytes, abortSignal: signal });
    this.#source = source;
    this.fileInfo = { mimeType, path: source.path, size: source.size };
  }

  supportsRandomAccess(): boolean {
    return true;
  }

  setPosition(position: number): void {
    this.validateLength(position, "position");
    this.position = position;
  }

  async readBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const bytesRead = await this.peekBuffer(target, options);
    this.position = (options?.position ?? this.position) + bytesRead;
    return bytesRead;
  }

  async peekBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const { length, position, mayBeLess } = this.normalizeOptions(target, options);
    const bytes = await this.#source.read(position, length);
    if (bytes.length < length && mayBeLess !== true) throw new EndOfStreamError();
    target.set(bytes);
    return bytes.length;
  }
}
