import type { HostTensor } from "@acewright/core-native";
import { AceError, toFloat32 } from "@acewright/core-native";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readTorchFile } from "../../src/torch-file/read-torch-file.js";
import { op, pickle, torchBytes, zipBytes } from "./torch-bytes.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-torch-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(bytes: Uint8Array): string {
  const path = join(folder, "file.pt");
  writeFileSync(path, bytes);
  return path;
}

function refusal(bytes: Uint8Array): string {
  const path = write(bytes);
  try {
    readTorchFile(path);
  } catch (error) {
    if (!(error instanceof AceError)) throw error;
    expect(error.code).toBe("ERR_FILE");
    expect(error.message).toContain(path);
    expect(error.message).not.toContain("\n");
    return error.message;
  }
  throw new Error("nothing was refused");
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

describe("a file of plain data is read", () => {
  test.each([{ deflate: false }, { deflate: true }])("stored or deflated: %j", (options) => {
    const body = op.dict(
      op.text("latents"),
      op.tensor("FloatStorage", "0", 6, [2, 3], [3, 1]),
      op.text("note"),
      op.list(op.text("ü"), op.int(-7), op.float(0.5), op.true, op.none),
    );
    const value = readTorchFile(write(torchBytes(pickle(body), { 0: floats(1, 2, 3, 4, 5, 6) }, options)));
    const dict = value as Map<string, unknown>;
    expect([...toFloat32(dict.get("latents") as HostTensor)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(dict.get("note")).toEqual(["ü", -7, 0.5, true, null]);
  });

  test("with a transposed and an offset view of one storage", () => {
    const views = op.list(
      op.tensor("FloatStorage", "0", 6, [3, 2], [1, 3]),
      op.tensor("FloatStorage", "0", 6, [2], [2], 1),
      op.tensor("FloatStorage", "0", 6, [], [], 5),
      op.tensor("FloatStorage", "0", 6, [0, 4], [4, 1]),
      op.tensor("FloatStorage", "0", 6, [3], [0], 2),
    );
    const read = readTorchFile(
      write(torchBytes(pickle(views), { 0: floats(1, 2, 3, 4, 5, 6) })),
    ) as HostTensor[];
    expect(read.map((tensor) => [...toFloat32(tensor)])).toEqual([[1, 4, 2, 5, 3, 6], [2, 4], [6], [], [3, 3, 3]]); // prettier-ignore
  });

  test.each([
    ["BFloat16Storage", "BF16", 2],
    ["HalfStorage", "F16", 2],
    ["DoubleStorage", "F64", 8],
    ["LongStorage", "I64", 8],
    ["BoolStorage", "BOOL", 1],
  ] as const)("with a %s as %s", (type, dtype, width) => {
    const data = Uint8Array.from({ length: 2 * width }, (_, i) => i);
    const read = readTorchFile(write(torchBytes(pickle(op.tensor(type, "7", 2, [2], [1])), { 7: data })));
    expect(read).toEqual({ dtype, shape: [2], data });
  });

  test("with a little byte order said so", () => {
    expect(readTorchFile(write(torchBytes(pickle(op.int(3)), {}, { byteorder: "little" })))).toBe(3);
  });
});

describe("a pickle that wants more than data is refused by name", () => {
  const call = op.reduce(op.global("os", "system"), op.tuple(op.text("echo"))); // prettier-ignore
  test.each([
    ["a call of os.system", pickle(call), '"os.system"'],
    ["a global of builtins", pickle(op.global("builtins", "eval")), '"builtins.eval"'],
    ["torch's own loader", pickle(op.global("torch", "load")), '"torch.load"'],
    [
      "a name that ends like an allowed one",
      pickle(op.global("evil.torch", "FloatStorage")),
      '"evil.torch.FloatStorage"',
    ],
    ["a name from the prototype", pickle(op.global("torch", "constructor")), '"torch.constructor"'],
    ["BUILD", pickle(op.dict(), op.dict(), Buffer.from("b")), "BUILD"],
    ["INST", pickle(Buffer.from("(ios\nsystem\n")), "INST"],
    ["OBJ", pickle(Buffer.from("(o")), "OBJ"],
    ["NEWOBJ", pickle(Buffer.from([0x81])), "NEWOBJ"],
    ["EXT1", pickle(Buffer.from([0x82, 1])), "EXT1"],
    ["PERSID", pickle(Buffer.from("Pabc\n")), "PERSID"],
    ["STACK_GLOBAL", pickle(op.text("os"), op.text("system"), Buffer.from([0x93])), "STACK_GLOBAL"],
    ["FRAME", pickle(Buffer.from([0x95])), "FRAME"],
    ["an opcode nobody knows", pickle(Buffer.from([0xff])), "0xff"],
    ["a protocol of the future", Buffer.from([0x80, 9, 0x4e, 0x2e]), "protocol"],
    ["OrderedDict with arguments", pickle(op.reduce(op.global("collections", "OrderedDict"), op.tuple(op.int(1)))), "OrderedDict"], // prettier-ignore
    [
      "a storage type called",
      pickle(op.reduce(op.global("torch", "FloatStorage"), op.tuple())),
      "FloatStorage",
    ],
    ["a string called", pickle(op.reduce(op.text("os.system"), op.tuple())), "not a function"],
    ["a bare type", pickle(op.global("torch", "FloatStorage")), "bare storage or type"],
    ["a persistent id that is a word", pickle(op.text("x"), Buffer.from("Q")), "names a storage"],
    [
      "a storage key that is a path",
      pickle(op.tensor("FloatStorage", "../../0", 1, [1], [1])),
      "names a storage",
    ],
  ])("%s", (_what, bytes, says) => {
    expect(refusal(torchBytes(bytes))).toContain(says);
  });
});

describe("a pickle that lies is refused", () => {
  const self = Buffer.concat([Buffer.from("]q\x00h\x00a", "latin1")]);
  const doubling = Buffer.concat([op.list(op.int(1)), ...Array.from({ length: 40 }, (_, i) => Buffer.from([0x71, i, 0x5d, 0x28, 0x68, i, 0x68, i, 0x65]))]); // prettier-ignore
  const one = { 0: floats(1) };
  test.each([
    ["a list that holds itself", pickle(self), "nested without end"],
    ["lists that double forty times", pickle(doubling), "nested without end"],
    [
      "a tensor beyond its storage",
      pickle(op.tensor("FloatStorage", "0", 1, [2], [1])),
      "beyond its storage",
    ],
    [
      "an offset beyond its storage",
      pickle(op.tensor("FloatStorage", "0", 1, [1], [1], 1)),
      "beyond its storage",
    ],
    ["a huge view of one number", pickle(op.tensor("FloatStorage", "0", 1, [1e9, 1e9], [0, 0])), "cannot be"],
    ["a negative stride", pickle(op.tensor("FloatStorage", "0", 1, [1], [-1])), "in a form"],
    ["fewer strides than axes", pickle(op.tensor("FloatStorage", "0", 1, [1, 1], [1])), "cannot be"],
    [
      "a storage that is longer than announced",
      pickle(op.tensor("BoolStorage", "0", 1, [1], [1])),
      "were announced",
    ],
    [
      "a storage that is not there",
      pickle(op.tensor("FloatStorage", "1", 1, [1], [1])),
      'no entry "archive/data/1"',
    ],
    ["an empty pickle", Buffer.alloc(0), "ends too early"],
    ["a pickle without an end", Buffer.from([0x80, 2, 0x4e]), "ends too early"],
    ["a pickle that ends on nothing", pickle(), "more than there is"],
    ["a string longer than the file", Buffer.from([0x80, 2, 0x58, 0xff, 0xff, 0xff, 0xff]), "ends too early"],
    ["a name that is cut", Buffer.from("ctorch\nFloat"), "middle of a name"],
    ["a recall of nothing", pickle(Buffer.from([0x68, 9])), "never stored"],
    ["a tuple never opened", pickle(Buffer.from("t")), "never opened"],
    ["an item for no list", pickle(op.int(1), op.int(2), Buffer.from("a")), "not a list"],
    ["a dict with a list as key", pickle(op.dict(op.list(), op.int(1))), "no string or number"],
  ])("%s", (_what, bytes, says) => {
    expect(refusal(torchBytes(bytes, one))).toContain(says);
  });

  test("another byte order", () => {
    expect(refusal(torchBytes(pickle(op.int(1)), {}, { byteorder: "big" }))).toContain("byte order");
  });

  test("bytes changed one at a time are read or refused, never anything else", () => {
    const good = torchBytes(pickle(op.dict(op.text("a"), op.tensor("FloatStorage", "0", 1, [1], [1]))), one);
    let refused = 0;
    for (let at = 0; at < good.length; at++) {
      const bad = Uint8Array.from(good);
      bad[at] = (bad[at] as number) ^ 0x5a;
      try {
        readTorchFile(write(bad));
      } catch (error) {
        expect(error).toBeInstanceOf(AceError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(good.length / 2);
  });
});

describe("a zip file that lies is refused", () => {
  const data = pickle(op.int(1));
  const name = "archive/data.pkl";
  test.each([
    ["nothing", Buffer.alloc(0), "cut off"],
    ["text", Buffer.from("hello"), "cut off"],
    ["a file without a pickle", zipBytes([{ name: "x", data }]), "holds 0 entries data.pkl"],
    [
      "two pickles",
      zipBytes([
        { name, data },
        { name: "b/data.pkl", data },
      ]),
      "holds 2 entries",
    ],
    [
      "one name twice",
      zipBytes([
        { name, data },
        { name, data },
      ]),
      "stands twice",
    ],
    ["a wrong checksum", zipBytes([{ name, data, forged: { crc: 1 } }]), "checksum"],
    ["a wrong length", zipBytes([{ name, data, forged: { bytes: 3 } }]), "checksum"],
    [
      "a deflated entry longer than it says",
      zipBytes([{ name, data, deflate: true, forged: { bytes: 3 } }]),
      "entry",
    ],
    ["a claim of 4 GB", zipBytes([{ name, data, forged: { bytes: 0xfffffffe } }]), "at most"],
    ["an unknown packing", zipBytes([{ name, data, forged: { method: 12 } }]), "method 12"],
    ["encryption", zipBytes([{ name, data, forged: { flags: 1 } }]), "encrypted"],
    ["an entry beyond the file", zipBytes([{ name, data, forged: { offset: 1e6 } }]), "are asked for"],
    ["a bomb", zipBytes([{ name, data: new Uint8Array(70e6), deflate: true }]), "at most"],
  ])("%s", (_what, bytes, says) => {
    expect(refusal(bytes)).toContain(says);
  });

  test("cut anywhere", () => {
    const good = torchBytes(pickle(op.tensor("FloatStorage", "0", 1, [1], [1])), { 0: floats(1) });
    for (let length = 0; length < good.length; length++) refusal(good.subarray(0, length));
  });
});

test("the format from before torch 1.6 is named", () => {
  expect(refusal(pickle(op.int(1)))).toContain("torch before 1.6");
});

test("a missing file is named", () => {
  expect(() => readTorchFile(join(folder, "none.pt"))).toThrow(/none.pt: cannot be opened/);
});
