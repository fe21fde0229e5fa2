/**
 * Writes protobuf's wire format. ONNX needs four kinds of field only, so this stands in for a library and a schema:
 * varints, 32-bit floats, byte strings and nested messages.
 */
export class ProtoWriter {
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** int64, int32, enum: negative numbers as two's complement. */
  integer(field: number, value: number | bigint): this {
    return this.#tag(field, 0).#push(varint(value));
  }

  float(field: number, value: number): this {
    return this.#tag(field, 5).#push(new Uint8Array(Float32Array.of(value).buffer));
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#tag(field, 2).#push(varint(value.length)).#push(value);
  }

  message(field: number, value: ProtoWriter): this {
    this.#tag(field, 2).#push(varint(value.#byteLength));
    for (const chunk of value.#chunks) this.#push(chunk);
    return this;
  }

  /** Repeated integers in one packed field. */
  integers(field: number, values: readonly number[]): this {
    const packed = new ProtoWriter();
    for (const value of values) packed.#push(varint(value));
    return this.message(field, packed);
  }

  /** All that was written, in one piece. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  #tag(field: number, wireType: number): this {
    return this.#push(varint(field * 8 + wireType));
  }

  #push(chunk: Uint8Array): this {
    this.#chunks.push(chunk);
    this.#byteLength += chunk.length;
    return this;
  }
}

function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}
