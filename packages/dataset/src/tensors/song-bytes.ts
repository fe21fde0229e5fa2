import { AceError } from "@acewright/core-native";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { ManifestSample } from "./manifest.js";

/** A song's tensors take less than this. */
const mostBytes = 2_000_000_000;

/**
 * The bytes of one song's tensor file, wherever it lies; nothing else of a shard is read.
 *
 * @throws {AceError} ERR_FILE when the file is missing, ends too early, or is not the one the manifest lists.
 */
export async function readSongBytes(
  folder: string,
  sample: ManifestSample,
  checksum: boolean,
): Promise<Uint8Array> {
  const path = join(folder, sample.file);
  let bytes: Uint8Array;
  try {
    bytes = await readPart(path, "offset" in sample ? sample : undefined);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new AceError(
      "ERR_FILE",
      `${path}: ${missing ? "does not exist" : `cannot be read (${(cause as Error).message})`}; preprocess again`,
      { cause },
    );
  }
  if (checksum && sha256Of([bytes]) !== sample.sha256) {
    const what = "offset" in sample ? `the checksum of song ${sample.id}` : "its checksum";
    throw new AceError(
      "ERR_FILE",
      `${path}: ${what} is not the one in the manifest: it was changed or damaged; preprocess again`,
    );
  }
  return bytes;
}

/** SHA-256 (hex) of pieces that follow each other. */
export function sha256Of(pieces: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

/** pread, never mapped: a mapped file that shrinks would kill the process. */
async function readPart(
  path: string,
  part: { readonly offset: number; readonly bytes: number } | undefined,
): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { offset, bytes } = part ?? { offset: 0, bytes: size };
    if (offset + bytes > size) throw new Error(`it ends at byte ${size}, ${offset + bytes} were expected`);
    if (bytes > mostBytes) throw new Error(`${bytes} bytes are more than a song takes`);
    const buffer = new Uint8Array(bytes);
    for (let done = 0; done < bytes;) {
      const { bytesRead } = await file.read(buffer, done, bytes - done, offset + done);
      if (bytesRead === 0) throw new Error("it was cut while it was read");
      done += bytesRead;
    }
    return buffer;
  } finally {
    await file.close();
  }
}
