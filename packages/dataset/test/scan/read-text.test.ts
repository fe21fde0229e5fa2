import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readTextFile } from "../../src/scan/read-text.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-text-"));
  path = join(folder, "song.txt");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, "utf16le");

test.each<[string, Buffer]>([
  ["UTF-8", Buffer.from("lä\nlü")],
  ["UTF-8 with its mark", Buffer.from("\ufefflä\nlü")],
  ["UTF-16 with the low byte first", utf16("lä\nlü")],
  ["UTF-16 with the high byte first", utf16("lä\nlü").swap16()],
  ["line ends of Windows", Buffer.from("lä\r\nlü")],
  ["line ends of old Macs", Buffer.from("lä\rlü")],
])("a text in %s is read without its mark, with line ends of one kind", async (_what, bytes) => {
  writeFileSync(path, bytes);
  expect(await readTextFile(path)).toEqual({ text: "lä\nlü", warnings: [] });
});

test("bytes that are no text are shown as such and told, in the encoding the file claims", async () => {
  writeFileSync(path, Buffer.from("l\xe4", "latin1"));
  expect((await readTextFile(path)).warnings).toEqual([
    `${path}: has bytes that are not utf-8, shown as "\ufffd"; save it as UTF-8`,
  ]);
  // Half a character at the end.
  writeFileSync(path, utf16("la").subarray(0, 5));
  expect((await readTextFile(path)).warnings.join()).toContain("has bytes that are not utf-16le");
});

test("a file beyond 16 MiB is told and not read; one of just that size is", async () => {
  writeFileSync(path, "");
  truncateSync(path, 16 * 2 ** 20 + 1);
  const message = `${path}: is 16777217 bytes, more than 16777216; ignored`;
  expect(await readTextFile(path)).toEqual({ text: "", warnings: [message] });
  writeFileSync(path, Buffer.alloc(16 * 2 ** 20, "a"));
  expect((await readTextFile(path)).text).toHaveLength(16 * 2 ** 20);
});

test("what is no file, or is not there, is told and not read", async () => {
  mkdirSync(path);
  expect(await readTextFile(path)).toEqual({
    text: "",
    warnings: [`${path}: is not a regular file; ignored`],
  });
  const gone = join(folder, "gone.txt");
  expect(await readTextFile(gone)).toEqual({
    text: "",
    warnings: [`${gone}: could not be read (ENOENT); ignored`],
  });
});
