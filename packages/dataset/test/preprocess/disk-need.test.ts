import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { refuseFullDisk } from "../../src/disk-room.js";
import { diskRoom } from "../../src/preprocess/plan/disk-need.js";

test("room is asked for where the folder will be, though it is not there yet", () => {
  const folder = mkdtempSync(join(tmpdir(), "acewright-room-"));
  try {
    expect(diskRoom(join(folder, "not", "there"))).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a disk that is too full is refused with both figures", () => {
  expect(() => {
    refuseFullDisk("tensors", 3.2e9, 1e9);
  }).toThrow(/^tensors: needs 3.0 GiB while it works, the disk has 953.7 MiB; free some space/);
  refuseFullDisk("tensors", 1e9, 1e9);
});
