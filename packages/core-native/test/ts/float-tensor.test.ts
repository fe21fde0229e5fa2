import { expect, test } from "vitest";
import { AceError } from "../../ts/errors.js";
import { fromFloat32, toFloat32 } from "../../ts/float-tensor.js";
import type { HostTensor } from "../../ts/types.js";

const f16 = (...halves: number[]): HostTensor => ({
  dtype: "F16",
  shape: [halves.length],
  data: new Uint8Array(Uint16Array.from(halves).buffer),
});

test("float16 bits are read exactly, subnormals, infinities and NaN included", () => {
  const values = toFloat32(
    f16(0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x7c00, 0xfc00, 0x7e00),
  );
  expect([...values]).toEqual([0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, Infinity, -Infinity, NaN]);
});

test("bf16 rounds to nearest, ties to even, and keeps NaN and infinity", () => {
  const up = 1 + 2 ** -7;
  const values = Float32Array.of(
    1,
    1 + 2 ** -8,
    up + 2 ** -8,
    1 + 2 ** -8 + 2 ** -20,
    -Infinity,
    NaN,
    3.4e38,
  );
  const rounded = toFloat32(fromFloat32(values, [7], "BF16"));
  expect([...rounded]).toEqual([1, 1, 1 + 2 ** -6, up, -Infinity, NaN, Infinity]);
});

test("a NaN whose payload is only in the low bits stays a NaN", () => {
  const nan = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  expect(toFloat32(fromFloat32(nan, [1], "BF16"))[0]).toBeNaN();
});

test("every bf16 value survives the way to float32 and back", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const tensor: HostTensor = { dtype: "BF16", shape: [65536], data: new Uint8Array(bits.buffer) };
  const back = fromFloat32(toFloat32(tensor), [65536], "BF16");
  const isNaNBits = (b: number): boolean => (b & 0x7fff) > 0x7f80;
  const words = new Uint16Array(back.data.buffer);
  const changed = bits.filter((b) => !isNaNBits(b) && words[b] !== b);
  expect(changed).toHaveLength(0);
});

test("the result is a copy, also of unaligned bytes", () => {
  const bytes = new Uint8Array(9);
  bytes.set(new Uint8Array(Float32Array.of(1.5, 2.5).buffer), 1);
  const values = toFloat32({ dtype: "F32", shape: [2], data: bytes.subarray(1) });
  bytes.fill(0);
  expect([...values]).toEqual([1.5, 2.5]);
  const source = Float32Array.of(7);
  const tensor = fromFloat32(source, [1]);
  source[0] = 0;
  expect(toFloat32(tensor)[0]).toBe(7);
});

test("float64 is rounded to float32", () => {
  const data = new Uint8Array(Float64Array.of(0.1).buffer);
  expect(toFloat32({ dtype: "F64", shape: [1], data })[0]).toBe(Math.fround(0.1));
});

test("integers and bytes that do not fit the shape are refused", () => {
  expect(() => toFloat32({ dtype: "I32", shape: [1], data: new Uint8Array(4) })).toThrow(AceError);
  expect(() => toFloat32({ dtype: "F32", shape: [2], data: new Uint8Array(4) })).toThrow(
    /does not fit its 4 bytes/,
  );
  expect(() => fromFloat32(new Float32Array(3), [2])).toThrow(/3 values do not fit the shape \[2\]/);
});
