// The inner loop of the resampler, as a WebAssembly module written down by hand: JavaScript has no vector instructions,
// and this loop is nearly all the time that a 44.1 kHz song takes to decode.

/** The part of the global that is used here; the ES library of TypeScript does not declare it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Record<string, unknown> };
};

/** All positions are byte offsets into the kernel's memory. */
type Run = (
  input: number,
  taps: number,
  output: number,
  outputEnd: number,
  phase: number,
  up: number,
  stepBytes: number,
  stepPhases: number,
  rowBytes: number,
) => void;

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** A row of taps is a whole number of these, filled up with zeros: four vectors of four floats a round. */
export const tapsPerRound = 16;

const roundBytes = tapsPerRound * 4;
const pageBytes = 1 << 16;

/** Vector memory with a table of taps at its front; input and output are copied in and out behind it. */
export class ResampleKernel {
  readonly #run: Run;
  readonly #memory: Memory;
  readonly #tableBytes: number;
  readonly #rowBytes: number;

  /** @param table rows of taps, one after the other, each `rowTaps` long, a multiple of {@link tapsPerRound} */
  constructor(table: Float32Array, rowTaps: number) {
    compiled ??= new WebAssembly.Module(moduleBytes());
    const { run, memory } = new WebAssembly.Instance(compiled).exports;
    this.#run = run as Run;
    this.#memory = memory as Memory;
    this.#tableBytes = table.byteLength;
    this.#rowBytes = rowTaps * 4;
    this.#reserve(table.byteLength);
    new Float32Array(this.#memory.buffer, 0, table.length).set(table);
  }

  /**
   * Output i is the product of row `(phase + i * down) mod up` with the input from `floor((phase + i * down) / up)` on.
   * The input must reach that far; what lies in the last round of taps behind the filter's own length counts as nothing.
   */
  run(input: Float32Array, output: Float32Array, phase: number, up: number, down: number): void {
    const inputAt = this.#tableBytes;
    const outputAt = inputAt + (input.length + tapsPerRound) * 4;
    this.#reserve(outputAt + output.byteLength);
    const { buffer } = this.#memory;
    const staged = new Float32Array(buffer, inputAt, input.length + tapsPerRound);
    staged.set(input);
    // What an earlier block left here may be read, times zero: it must be a number.
    staged.fill(0, input.length);
    const end = outputAt + output.byteLength;
    const stepBytes = Math.floor(down / up) * 4;
    if (output.length > 0)
      this.#run(inputAt, 0, outputAt, end, phase, up, stepBytes, down % up, this.#rowBytes);
    output.set(new Float32Array(buffer, outputAt, output.length));
  }

  #reserve(bytes: number): void {
    const missing = Math.ceil((bytes - this.#memory.buffer.byteLength) / pageBytes);
    if (missing > 0) this.#memory.grow(missing);
  }
}

let compiled: object | undefined;

// WebAssembly binary format: a section is its number, its length and its content; numbers are LEB128.
const [i32, v128] = [0x7f, 0x7b];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
/** In two bytes, as the sign is the second highest bit of the last one. */
const number = (value: number): number[] => [0x41, (value & 127) | 128, value >> 7];
const [add, multiply, subtract, lessThan, notLess] = [0x6a, 0x6c, 0x6b, 0x49, 0x4f];
const load = (offset: number): number[] => [0xfd, 0x00, 0, offset];
const [addVectors, multiplyVectors] = [
  [0xfd, 0xe4, 0x01],
  [0xfd, 0xe6, 0x01],
];
const lane = (index: number): number[] => [0xfd, 0x1f, index];
const zeros = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
const addFloats = 0x92;
const storeFloat = [0x38, 2, 0];
const [loop, ifTrue, againIf, end] = [[0x03, 0x40], [0x04, 0x40], [0x0d, 0], 0x0b];

function moduleBytes(): Uint8Array {
  const [input, taps, output, outputEnd, phase, up, stepBytes, stepPhases, rowBytes] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8,
  ];
  const [tap, tapEnd, sample] = [9, 10, 11];
  const sums = [12, 13, 14, 15];
  const sumUp = sums.flatMap((sum, part) => [
    ...[...get(sum), ...get(tap), ...load(part * 16), ...get(sample), ...load(part * 16)],
    ...[...multiplyVectors, ...addVectors, ...set(sum)],
  ]);
  const advance = (local: number, by: readonly number[]): number[] => [
    ...get(local),
    ...by,
    add,
    ...set(local),
  ];
  const wholeVector = [
    ...[...get(12), ...get(13), ...addVectors, ...get(14), ...get(15), ...addVectors],
    ...[...addVectors, ...set(12)],
  ];
  const ofLanes = [0, 1, 2, 3].flatMap((index) => [
    ...get(12),
    ...lane(index),
    ...(index > 0 ? [addFloats] : []),
  ]);
  const body = [
    ...loop,
    ...sums.flatMap((sum) => [...zeros, ...set(sum)]),
    ...[...get(phase), ...get(rowBytes), multiply, ...get(taps), add, ...tee(tap)],
    ...[...get(rowBytes), add, ...set(tapEnd), ...get(input), ...set(sample)],
    ...loop,
    ...sumUp,
    ...[...advance(sample, number(roundBytes)), ...get(tap), ...number(roundBytes), add, ...tee(tap)],
    ...[...get(tapEnd), lessThan, ...againIf, end],
    ...wholeVector,
    ...[...get(output), ...ofLanes, ...storeFloat],
    ...[...advance(input, get(stepBytes)), ...advance(phase, get(stepPhases))],
    ...[...get(phase), ...get(up), notLess, ...ifTrue],
    ...[...get(phase), ...get(up), subtract, ...set(phase), ...advance(input, number(4)), end],
    ...[...get(output), ...number(4), add, ...tee(output), ...get(outputEnd), lessThan, ...againIf],
    ...[end, end],
  ];
  const locals = [2, 3, i32, 4, v128];
  const code = [...locals, ...body];
  const text = (word: string): number[] => [word.length, ...Buffer.from(word)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 9, ...new Array<number>(9).fill(i32), 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...text("run"), 0, 0, ...text("memory"), 2, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}
