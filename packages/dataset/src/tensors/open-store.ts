import { AceError } from "@acewright/core-native";
import { FolderStore } from "./folder-store.js";
import { readManifest } from "./manifest.js";
import { ShardStore } from "./shard-store.js";
import type { TensorStore } from "./tensor-store.js";

/** Length of a shard where only the folder says that there are shards. */
export const usualShardBytes = 2 * 2 ** 30;

/**
 * Opens a folder to write tensors to. What is there already decides between shards and a file a song.
 *
 * @param shardBytes length of a shard; undefined: a file a song.
 * @throws {AceError} ERR_CONFIG when shards are asked for where files are; ERR_FILE when what is there is damaged.
 */
export async function openStore(
  folder: string,
  shardBytes: number | undefined,
  songsPerSync = 1,
): Promise<TensorStore> {
  const manifest = readManifest(folder);
  if (manifest?.version === 1 && shardBytes !== undefined) {
    throw new AceError(
      "ERR_CONFIG",
      `${folder}: holds a file a song; choose another folder, or put these into shards with: acewright tensors pack`,
    );
  }
  if (manifest?.version !== 2 && shardBytes === undefined) return new FolderStore(folder);
  return await ShardStore.open(folder, { shardBytes: shardBytes ?? usualShardBytes, songsPerSync });
}
