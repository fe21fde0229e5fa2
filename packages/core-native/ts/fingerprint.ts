import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { openCheckpoint } from "./checkpoint.js";

const SAMPLE_BYTES = 64 * 1024;

/**
 * Identity of a checkpoint's decoder: SHA-256 over names, dtypes and shapes of its tensors and the first 64 KiB of each.
 * Two files of the same weights have the same fingerprint however they are sharded.
 */
export function checkpointFingerprint(folder: string): string {
  const checkpoint = openCheckpoint(folder);
  const hash = createHash("sha256");
  const files = new Map<string, number>();
  try {
    const names = [...checkpoint.tensors.keys()].filter((name) => name.startsWith("decoder.")).sort();
    for (const name of names) {
      const entry = checkpoint.tensors.get(name);
      if (entry === undefined) continue;
      hash.update(`${name} ${entry.dtype} ${entry.shape.join("x")}\n`);
      const path = entry.file;
      let file = files.get(path);
      if (file === undefined) {
        file = openSync(path, "r");
        files.set(path, file);
      }
      const bytes = Buffer.alloc(Math.min(SAMPLE_BYTES, entry.byteLength));
      hash.update(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, entry.byteOffset)));
    }
  } finally {
    for (const file of files.values()) closeSync(file);
  }
  return hash.digest("hex");
}
