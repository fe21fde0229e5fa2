import { AceError } from "@acewright/core-native";
import { copyFileSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { openStore } from "./open-store.js";
import { openTensors } from "./open-tensors.js";
import { readSongBytes } from "./song-bytes.js";
import { factsOf } from "./tensor-store.js";

export interface PackOptions {
  /** Folder of tensors. */
  readonly input: string;
  /** Folder to write; made when it is missing. */
  readonly output: string;
  /** Length of a shard; undefined: a file a song. */
  readonly shardBytes: number | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, songs: number) => void;
}

/** Songs that are written again when packing is interrupted and goes on. */
const songsPerSync = 256;

/**
 * Copies a folder of tensors into shards, or back into a file a song. The songs' bytes stay as they are; each is checked
 * as it is read, and songs the output has already are kept, so an interrupted run goes on.
 *
 * @throws {AceError} ERR_FILE when a song is damaged or the output cannot be written; ERR_CONFIG when both are one folder.
 */
export async function packTensors(
  options: PackOptions,
): Promise<{ readonly songs: number; readonly written: number }> {
  const [input, output] = [resolve(options.input), resolve(options.output)];
  if (input === output)
    throw new AceError("ERR_CONFIG", `${output}: cannot be packed into itself; name another output folder`);
  const { samples, manifest } = await openTensors(input);
  mkdirSync(output, { recursive: true });
  copyFileSync(join(input, manifest.silence.file), join(output, manifest.silence.file));
  const store = await openStore(output, options.shardBytes, songsPerSync);
  let written = 0;
  try {
    for (const [i, sample] of samples.entries()) {
      options.signal?.throwIfAborted();
      const there = store.listed(sample.id);
      if (there?.sha256 === sample.sha256) store.keep({ ...there, repeats: sample.repeats });
      else {
        store.putBytes(await readSongBytes(input, sample, true), factsOf(sample));
        written++;
      }
      store.note(manifest);
      options.onProgress?.(i + 1, samples.length);
    }
    store.finish(manifest, samples.map(({ id }) => id)); // prettier-ignore
  } finally {
    store.close();
  }
  return { songs: samples.length, written };
}
