import { expect, test } from "vitest";
import { nodeFiles, type Files } from "../../src/run/files.js";
import { diskWarning } from "../../src/train/disk-space.js";

/** 10 MB of adapter and 20 MB of moments: a checkpoint of 30 MB. */
const memory = { adapterBytes: 10e6, optimizerBytes: 20e6 };
const warningAt = (freeMegabytes: number, keepCheckpoints: number) => {
  const statfsSync = () => ({ bavail: freeMegabytes, bsize: 1e6 }) as ReturnType<typeof nodeFiles.statfsSync>;
  const files = { ...nodeFiles, statfsSync: statfsSync as Files["statfsSync"] };
  return diskWarning({ output: "run", keepCheckpoints }, memory, files);
};

test("a disk holds a run that has room for its checkpoints, one being written, and best and final with one being replaced", () => {
  // 4 x 30 + 3 x 10
  expect(warningAt(150, 3)).toBeUndefined();
  expect(warningAt(149, 3)).toBe(
    "run: the disk has 149 MB free, checkpoints and adapters will take 150 MB; free some space or lower keepCheckpoints",
  );
  // 2 x 30 + 3 x 10
  expect(warningAt(90, 1)).toBeUndefined();
  expect(warningAt(89, 1)).toMatch(/will take 90 MB/);
});
