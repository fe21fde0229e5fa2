import { AceError } from "./errors.js";
import { dtypeBytes, elementCount } from "./safetensors-header.js";
import type { HostTensor } from "./types.js";

/**
 * The values of a F32, F64, BF16 or F16 tensor as a fresh float32 array.
 *
 * @throws {AceError} ERR_SHAPE for another dtype or when bytes and shape do not fit.
 */
export function toFloat32(tensor: HostTensor): Float32Array {
  const { dtype, shape } = tensor;
  const count = elementCount(shape);
  // Typed arrays want aligned bytes; this copy is also what makes the result the caller's own.
  const data = tensor.data.slice();
  if (count === undefined || data.length !== count * dtypeBytes[dtype]) {
    throw new AceError("ERR_SHAPE", `${dtype} [${shape.join(", ")}] does not fit its ${data.length} bytes`);
  }
  if (dtype === "F32") return new Float32Array(data.buffer);
  if (dtype === "F64") return Float32Array.from(new Float64Array(data.buffer));
  if (dtype === "BF16") return widenBf16(new Uint16Array(data.buffer));
  if (dtype === "F16") return Float32Array.from(new Uint16Array(data.buffer), halfToNumber);
  throw new AceError("ERR_SHAPE", `expected a float tensor (F32, F64, BF16, F16), got ${dtype}`);
}

/**
 * A tensor of float32 values, or of values rounded to the nearest bf16 (ties to even).
 *
 * @throws {AceError} ERR_SHAPE when the number of values is not that of the shape.
 */
export function fromFloat32(
  data: Float32Array,
  shape: readonly number[],
  dtype: "F32" | "BF16" = "F32",
): HostTensor {
  if (elementCount(shape) !== data.length) {
    throw new AceError("ERR_SHAPE", `${data.length} values do not fit the shape [${shape.join(", ")}]`);
  }
  const own = data.slice();
  const bytes = dtype === "F32" ? own.buffer : narrowBf16(own).buffer;
  return { dtype, shape: [...shape], data: new Uint8Array(bytes) };
}

function widenBf16(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = (halves[i] as number) << 16;
  return new Float32Array(words.buffer);
}

function narrowBf16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    // A NaN whose payload lies in the low bits would round to infinity: keep it a quiet NaN.
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
