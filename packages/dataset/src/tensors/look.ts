import { existsSync } from "node:fs";
import { join } from "node:path";
import { FolderStore } from "./folder-store.js";
import { readManifest } from "./manifest.js";
import { readSongBytes } from "./song-bytes.js";
import { readIndex } from "./song-index.js";
import { parseTensorFile } from "./tensor-file.js";
import type { TensorStore } from "./tensor-store.js";

/**
 * Finds songs in a folder of tensors, of either kind, without touching it; a folder that is not there has none.
 *
 * @throws {AceError} ERR_FILE when manifest or index are damaged.
 */
export async function lookInto(folder: string): Promise<Pick<TensorStore, "find">> {
  if (!existsSync(folder)) return { find: () => Promise.resolve(undefined) };
  if (readManifest(folder)?.version !== 2) return new FolderStore(folder);
  const { samples } = await readIndex(folder);
  return {
    find: async (id) => {
      const sample = samples.get(id);
      if (sample === undefined) return undefined;
      const bytes = await readSongBytes(folder, sample, true);
      return { ...parseTensorFile(join(folder, sample.file), bytes, false), sample };
    },
  };
}
