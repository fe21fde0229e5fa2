import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AceError } from "../../ts/errors.js";
import { fromFloat32, toFloat32 } from "../../ts/float-tensor.js";
import {
  parseSafetensors,
  readByteRanges,
  readSafetensors,
  readSafetensorsHeader,
  safetensorsChunks,
  writeSafetensors,
} from "../../ts/safetensors.js";
import { dtypeBytes } from "../../ts/safetensors-header.js";
import type { HostTensor } from "../../ts/types.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-safetensors-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A file with this header text, whatever it says, and so many bytes of data. */
function forge(header: string | Uint8Array, dataBytes = 0, claimed?: bigint): string {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  const path = join(folder, "forged.safetensors");
  writeFileSync(path, bytes);
  return path;
}

function refusal(work: () => unknown): AceError {
  try {
    work();
  } catch (error) {
    if (error instanceof AceError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const tensor = (dtype: HostTensor["dtype"], shape: number[], data: number[]): HostTensor => ({
  dtype,
  shape,
  data: Uint8Array.from(data),
});

describe("a written file", () => {
  const content = {
    weight: fromFloat32(Float32Array.of(1, -2.5, 3, 4, 5, 6), [2, 3]),
    empty: tensor("F32", [0, 7], []),
    scalar: tensor("I64", [], [1, 2, 3, 4, 5, 6, 7, 8]),
    mask: tensor("BOOL", [3], [1, 0, 1]),
    __proto__name: tensor("U8", [1], [9]),
  };

  test("is read back as it was, with its metadata", () => {
    const path = join(folder, "a.safetensors");
    writeSafetensors(path, content, { format: "pt", größe: "ü\n" });
    const read = readSafetensors(path);
    expect(read.metadata).toEqual({ format: "pt", größe: "ü\n" });
    expect(read.tensors).toEqual(content);
    expect([...toFloat32(read.tensors["weight"] as HostTensor)]).toEqual([1, -2.5, 3, 4, 5, 6]);
  });

  test("has the same bytes whatever the order it was given in, and leaves no temporary file", () => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    writeSafetensors(a, content, { x: "1", y: "2" });
    writeSafetensors(b, Object.fromEntries(Object.entries(content).reverse()), { y: "2", x: "1" });
    expect(readFileSync(a)).toEqual(readFileSync(b));
    expect(readdirSync(folder).sort()).toEqual(["a", "b"]);
  });

  test("aligns every tensor to its element and pads the header to 8 bytes", () => {
    const path = join(folder, "a");
    writeSafetensors(path, content);
    for (const { byteOffset, dtype } of Object.values(readSafetensorsHeader(path).tensors)) {
      expect(byteOffset % dtypeBytes[dtype]).toBe(0);
    }
  });

  test("gives only the tensors asked for, and names the one it lacks", () => {
    const path = join(folder, "a");
    writeSafetensors(path, content);
    expect(Object.keys(readSafetensors(path, ["mask"]).tensors)).toEqual(["mask"]);
    const error = refusal(() => readSafetensors(path, ["toString"]));
    expect(error.code).toBe("ERR_CHECKPOINT");
    expect(error.message).toContain('"toString"');
  });

  test("gives byte ranges one after another, and refuses those past its end", () => {
    const path = join(folder, "a");
    writeSafetensors(path, { bytes: tensor("U8", [6], [10, 11, 12, 13, 14, 15]) });
    const from = readSafetensorsHeader(path).tensors["bytes"]?.byteOffset as number;
    expect([...readByteRanges(path, [[from + 4, from + 6], [from, from + 1]])]).toEqual([14, 15, 10]); // prettier-ignore
    expect(refusal(() => readByteRanges(path, [[from, from + 7]])).code).toBe("ERR_FILE");
  });

  test("is read through a link, as in a Hugging Face cache", () => {
    mkdirSync(join(folder, "blobs"));
    mkdirSync(join(folder, "snapshots"));
    writeSafetensors(join(folder, "blobs", "4f3a"), content);
    const link = join(folder, "snapshots", "model.safetensors");
    symlinkSync(join("..", "blobs", "4f3a"), link);
    expect(readSafetensors(link).tensors).toEqual(content);
  });

  test("cut anywhere is refused with one line that names it", () => {
    const path = join(folder, "a");
    writeSafetensors(path, content);
    for (let length = readFileSync(path).length - 1; length >= 0; length--) {
      truncateSync(path, length);
      const error = refusal(() => readSafetensors(path));
      expect(error.code).toBe("ERR_FILE");
      expect(error.message).toContain(path);
      expect(error.message).not.toContain("\n");
    }
  });
});

describe("writing refuses", () => {
  test("bytes that do not fit the shape", () => {
    const error = refusal(() => {
      writeSafetensors(join(folder, "a"), { w: tensor("F32", [2], [0, 0, 0, 0]) });
    });
    expect(error.code).toBe("ERR_SHAPE");
    expect(error.message).toContain('"w": F32 [2] needs 8 bytes, got 4');
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a folder that is not there", () => {
    expect(
      refusal(() => {
        writeSafetensors(join(folder, "no", "a"), {});
      }).message,
    ).toContain("folder does not exist");
  });

  test("a tensor with the metadata's name", () => {
    const forbidden = Object.fromEntries([["__metadata__", tensor("U8", [0], [])]]);
    expect(
      refusal(() => {
        writeSafetensors(join(folder, "a"), forbidden);
      }).code,
    ).toBe("ERR_SHAPE");
  });
});

describe("a file that lies is refused with ERR_FILE", () => {
  const good = '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}';
  const entry = (dtype: string, shape: string, offsets: string): string =>
    `{"a":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;
  const two = (first: string, second: string): string =>
    `{"a":{"dtype":"U8","shape":[4],"data_offsets":${first}},"b":{"dtype":"U8","shape":[4],"data_offsets":${second}}}`;

  test("control: the good twin of these files is read", () => {
    expect(readSafetensors(forge(good, 4)).tensors["a"]?.data).toEqual(new Uint8Array(4));
    expect(readSafetensors(forge(`${good}      `, 4)).tensors["a"]?.shape).toEqual([4]);
    expect(readSafetensors(forge("{}")).tensors).toEqual({});
  });

  const cases: [what: string, header: string, dataBytes: number, says: string][] = [
    ["an empty header", "", 0, "header does not begin"],
    ["a list for a header", "[]", 0, "header does not begin"],
    ["a space before the header", ` ${good}`, 4, "header does not begin"],
    ["broken JSON", '{"a":', 0, "not JSON"],
    ["a string left open", '{"a', 0, "not closed"],
    ["two values", "{}{}", 0, "not JSON"],
    ["deep nesting", `{"a":${"[".repeat(100_000)}`, 0, "nested deeper"],
    ["the same tensor twice", `${good.slice(0, -1)},${good.slice(1)}`, 4, '"a" stands twice'],
    ["the same tensor twice in two spellings", `${good.slice(0, -1)},${good.slice(1).replace('"a"', '"\\u0061"')}`, 4, '"a" stands twice'], // prettier-ignore
    [
      "the same key twice in a tensor",
      good.replace('"dtype"', '"shape":[1],"dtype"'),
      4,
      '"shape" stands twice',
    ],
    ["metadata that is a list", '{"__metadata__":[]}', 0, "__metadata__ is not an object"],
    ["metadata with a number", '{"__metadata__":{"n":1}}', 0, '__metadata__ "n" is not a string'],
    ["an entry that is null", '{"a":null}', 0, 'tensor "a"'],
    ["an entry that is a list", '{"a":[1]}', 0, 'tensor "a"'],
    ["an unknown key", good.replace('{"dtype', '{"code":"x","dtype'), 4, 'unknown key "code"'],
    ["an unknown dtype", entry('"F33"', "[4]", "[0,4]"), 4, 'dtype is "F33"'],
    ["a dtype from the prototype", entry('"toString"', "[4]", "[0,4]"), 4, 'dtype is "toString"'],
    ["a missing dtype", '{"a":{"shape":[4],"data_offsets":[0,4]}}', 4, "dtype is undefined"],
    ["a negative length", entry('"U8"', "[-4]", "[0,4]"), 4, "shape is [-4]"],
    ["a fraction as length", entry('"U8"', "[0.5]", "[0,4]"), 4, "shape is [0.5]"],
    ["a length beyond exact integers", entry('"U8"', "[9007199254740993]", "[0,4]"), 4, "shape is"],
    ["a shape that is a number", entry('"U8"', "4", "[0,4]"), 4, "shape is 4"],
    [
      "a shape whose product wraps at 64 bits",
      entry('"F32"', "[4294967296,4294967296]", "[0,0]"),
      0,
      "too many",
    ],
    [
      "a shape whose bytes leave exact integers",
      entry('"F64"', "[4503599627370496]", "[0,0]"),
      0,
      "too many",
    ],
    ["a shape of another size", entry('"F32"', "[4]", "[0,4]"), 4, "needs 16 bytes"],
    ["a scalar without room", entry('"U8"', "[]", "[0,0]"), 0, "needs 1 bytes"],
    ["one offset", entry('"U8"', "[4]", "[0]"), 4, "data_offsets"],
    ["three offsets", entry('"U8"', "[4]", "[0,4,8]"), 4, "data_offsets"],
    ["negative offsets", entry('"U8"', "[4]", "[-4,0]"), 4, "data_offsets"],
    ["offsets that run backwards", entry('"U8"', "[4]", "[4,0]"), 4, "run backwards"],
    ["offsets past the end", entry('"U8"', "[8]", "[0,8]"), 4, "the file has"],
    ["offsets far past the end", entry('"U8"', "[1000000000000]", "[0,1000000000000]"), 4, "the file has"],
    ["a gap before the first tensor", entry('"U8"', "[4]", "[1,5]"), 5, '1 bytes before tensor "a"'],
    ["a gap between tensors", two("[0,4]", "[5,9]"), 9, '1 bytes before tensor "b"'],
    ["overlapping tensors", two("[0,4]", "[3,7]"), 7, 'tensor "b" overlaps'],
    ["tensors that share all their bytes", two("[0,4]", "[0,4]"), 4, "overlaps"],
    ["bytes after the last tensor", good, 5, "1 bytes at its end"],
    ["data without tensors", "{}", 3, "3 bytes at its end"],
  ];
  test.each(cases)("%s", (_what, header, dataBytes, says) => {
    const path = forge(header, dataBytes);
    const error = refusal(() => readSafetensors(path));
    expect(error.code).toBe("ERR_FILE");
    expect(error.message).toContain(path);
    expect(error.message).toContain(says);
  });

  test.each([
    ["one byte more than the file", BigInt(good.length) + 5n],
    ["2^31", 1n << 31n],
    ["2^53 + 1", (1n << 53n) + 1n],
    ["2^63", 1n << 63n],
    ["2^64 - 1", (1n << 64n) - 1n],
  ])("a header length of %s", (_what, claimed) => {
    const error = refusal(() => readSafetensorsHeader(forge(good, 4, claimed)));
    expect(error.code).toBe("ERR_FILE");
    expect(error.message).toContain("header claims");
  });

  test("a header that is not UTF-8", () => {
    expect(refusal(() => readSafetensors(forge(Uint8Array.of(0x7b, 0xff, 0x7d)))).message).toContain("UTF-8");
  });

  test("a tensor named __proto__ stays a plain property", () => {
    const { tensors } = readSafetensors(forge(good.replace('"a"', '"__proto__"'), 4));
    expect(Object.keys(tensors)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(tensors)).toBe(Object.prototype);
  });

  test("each single-byte change of a header is read or refused, never anything else", () => {
    const header = two("[0,4]", "[4,8]");
    let refused = 0;
    for (let at = 0; at < header.length; at++) {
      for (const character of ['"', "{", "}", "[", ",", "9", "\\", "\0"]) {
        const path = forge(header.slice(0, at) + character + header.slice(at + 1), 8);
        try {
          readSafetensors(path);
        } catch (error) {
          expect(error).toBeInstanceOf(AceError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(header.length * 4);
  });

  test("a folder, a missing file and an empty file", () => {
    expect(refusal(() => readSafetensors(folder)).message).toContain("is not a file");
    expect(refusal(() => readSafetensors(join(folder, "none"))).message).toContain("does not exist");
    writeFileSync(join(folder, "empty"), "");
    expect(refusal(() => readSafetensors(join(folder, "empty"))).message).toContain("0 bytes");
  });
});

test("a file in memory gives what the file on disk gives, and is refused alike", () => {
  const path = join(folder, "whole.safetensors");
  const tensors = { a: fromFloat32(Float32Array.of(1, 2), [2]), b: fromFloat32(Float32Array.of(3), [1, 1]) };
  writeSafetensors(path, tensors, { note: "n" });
  const bytes = readFileSync(path);
  expect(Buffer.concat(safetensorsChunks("x", tensors, { note: "n" })).equals(bytes)).toBe(true);
  const inside = Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(5)]).subarray(3, 3 + bytes.length);
  const parsed = parseSafetensors("x", inside);
  expect(parsed.metadata).toEqual({ note: "n" });
  expect(Array.from(toFloat32(parsed.tensors["a"] as HostTensor))).toEqual([1, 2]);
  expect(() => parseSafetensors("x", bytes.subarray(0, 7))).toThrow("x: ");
  expect(() => parseSafetensors("x", bytes.subarray(0, -1))).toThrow("x: ");
});
