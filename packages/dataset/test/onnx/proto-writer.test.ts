import { expect, test } from "vitest";
import { ProtoWriter } from "../../src/onnx/proto-writer.js";

const hex = (writer: ProtoWriter): string => Buffer.from(writer.finish()).toString("hex");

test("fields are written as protobuf's own documentation shows them", () => {
  expect(hex(new ProtoWriter().integer(1, 150))).toBe("089601");
  expect(hex(new ProtoWriter().string(2, "testing"))).toBe("120774657374696e67");
  expect(hex(new ProtoWriter().message(3, new ProtoWriter().integer(1, 150)))).toBe("1a03089601");
  expect(hex(new ProtoWriter().integers(6, [3, 270, 86_942]))).toBe("3206038e029ea705");
});

test("numbers reach from zero over 2^53 to negative ones in two's complement", () => {
  expect(hex(new ProtoWriter().integer(1, 0))).toBe("0800");
  expect(hex(new ProtoWriter().integer(1, 2 ** 53))).toBe("088080808080808010");
  expect(hex(new ProtoWriter().integer(1, -1))).toBe("08ffffffffffffffffff01");
  expect(hex(new ProtoWriter().integers(1, [-2]))).toBe("0a0afeffffffffffffffff01");
});

test("floats are little-endian, field numbers above 15 take two bytes, lengths above 127 too", () => {
  expect(hex(new ProtoWriter().float(2, 1))).toBe("150000803f");
  expect(hex(new ProtoWriter().integer(20, 7))).toBe("a00107");
  expect(hex(new ProtoWriter().bytes(1, new Uint8Array(200))).slice(0, 6)).toBe("0ac801");
});
