import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  refuseMissingFolder,
  removeAbandonedFiles,
  writeChunksAtomic,
  writeFileAtomic,
} from "../../ts/atomic-file.js";
import { AceError } from "../../ts/errors.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-atomic-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("text and bytes replace what was there, and nothing else stays", () => {
  const path = join(folder, "a.json");
  writeFileAtomic(path, "old");
  writeFileAtomic(path, "grüße");
  expect(readFileSync(path, "utf8")).toBe("grüße");
  writeFileAtomic(path, Uint8Array.of(1, 2));
  expect([...readFileSync(path)]).toEqual([1, 2]);
  expect(readdirSync(folder)).toEqual(["a.json"]);
});

test("a failure in the middle leaves the old file and no other", () => {
  const path = join(folder, "a");
  writeFileAtomic(path, "old");
  function* chunks(): Generator<Uint8Array> {
    yield new Uint8Array(10);
    throw new Error("the source broke");
  }
  expect(() => {
    writeChunksAtomic(path, chunks());
  }).toThrow(/the source broke/);
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder)).toEqual(["a"]);
});

test("a name taken by a folder is refused and no temporary file stays", () => {
  mkdirSync(join(folder, "taken"));
  expect(() => {
    writeFileAtomic(join(folder, "taken"), "x");
  }).toThrow(AceError);
  expect(readdirSync(folder)).toEqual(["taken"]);
});

test("a path below a file is refused", () => {
  writeFileAtomic(join(folder, "file"), "x");
  expect(() => {
    writeFileAtomic(join(folder, "file", "a"), "x");
  }).toThrow(/the folder does not exist/);
});

test("a full disk is named, and nothing stays", () => {
  function* chunks(): Generator<Uint8Array> {
    yield new Uint8Array(10);
    throw Object.assign(new Error("write"), { code: "ENOSPC" });
  }
  const write = (): void => {
    writeChunksAtomic(join(folder, "a"), chunks());
  };
  expect(write).toThrow(AceError);
  expect(write).toThrow(/the disk is full/);
  expect(readdirSync(folder)).toEqual([]);
});

test("what a killed process left is removed, and what a living one writes is not", () => {
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  const living = `.b.json.${process.pid}-0123abcd.tmp`;
  for (const name of [`.a.json.${gone}-0123abcd.tmp`, living, "a.json", ".hidden.tmp", ".a.12-zz.tmp"]) {
    writeFileSync(join(folder, name), "");
  }
  removeAbandonedFiles(folder);
  expect(readdirSync(folder).sort()).toEqual([".a.12-zz.tmp", living, ".hidden.tmp", "a.json"]);
});

test("a file whose folder is missing, or is a file, is refused before anything is made", () => {
  writeFileSync(join(folder, "file"), "");
  refuseMissingFolder(join(folder, "new.json"));
  for (const parent of ["none", "file"])
    expect(() => {
      refuseMissingFolder(join(folder, parent, "new.json"));
    }).toThrow(
      `${join(folder, parent, "new.json")}: cannot be written, the folder ${join(folder, parent)} does not exist; make it first`,
    );
});
