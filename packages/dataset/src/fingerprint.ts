import { openCheckpoint, readByteRanges } from "@acewright/core-native";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** Enough of each tensor to tell two trainings of one network apart. */
const sampledBytes = 65_536;

/**
 * SHA-256 (hex) over what makes a frozen network's results: names, dtypes, shapes and the beginning of each tensor, and
 * the small files beside them.
 */
export function folderFingerprint(folder: string, stem: string, smallFiles: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of smallFiles) {
    const path = join(folder, name);
    hash.update(`${name}\n`);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  const { tensors } = openCheckpoint(folder, stem);
  for (const name of [...tensors.keys()].sort()) {
    const entry = tensors.get(name);
    if (entry === undefined) continue;
    const { file, dtype, shape, byteOffset, byteLength } = entry;
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(readByteRanges(file, [[byteOffset, byteOffset + Math.min(byteLength, sampledBytes)]]));
  }
  return hash.digest("hex");
}

/** SHA-256 (hex) of a whole file. */
export async function fileSha256(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest("hex");
}

/** SHA-256 (hex) of a text. */
export function textSha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
