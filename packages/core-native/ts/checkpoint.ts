import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { AceError } from "./errors.js";
import { notJson } from "./not-json.js";
import { jsonProblem } from "./json-guard.js";
import { readSafetensors, readSafetensorsHeader } from "./safetensors.js";
import type { HostTensor, TensorEntry } from "./types.js";

/** A tensor's place in a checkpoint that may span several files. */
export interface CheckpointEntry extends TensorEntry {
  /** Full path of the file that holds it. */
  readonly file: string;
}

/** A checkpoint folder, one file or several shards; headers are read, tensors only when asked for. */
export interface Checkpoint {
  readonly folder: string;
  readonly files: readonly string[];
  readonly tensors: ReadonlyMap<string, CheckpointEntry>;
  /** @throws {AceError} ERR_CHECKPOINT when there is no such tensor; ERR_FILE when its file was cut meanwhile. */
  read(name: string): HostTensor;
}

/** An index lists a few thousand names; anything larger is not an index. */
const maxIndexBytes = 16_000_000;

/**
 * Opens `<stem>.safetensors`, or the shards listed in `<stem>.safetensors.index.json`.
 *
 * @throws {AceError} ERR_FILE when neither is there or a file is damaged; ERR_CHECKPOINT when index and shards disagree.
 */
export function openCheckpoint(folder: string, stem = "model"): Checkpoint {
  const single = join(folder, `${stem}.safetensors`);
  const index = `${single}.index.json`;
  if (existsSync(single)) return checkpointOf(folder, new Map([[single, undefined]]));
  if (existsSync(index)) return checkpointOf(folder, shardsOf(folder, index));
  throw new AceError("ERR_FILE", `${folder}: holds neither ${basename(single)} nor ${basename(index)}`);
}

/** Files with the tensor names expected of each; undefined: whatever the file holds. */
type Shards = ReadonlyMap<string, ReadonlySet<string> | undefined>;

function checkpointOf(folder: string, shards: Shards): Checkpoint {
  const tensors = new Map<string, CheckpointEntry>();
  for (const [file, expected] of shards) {
    const header = readSafetensorsHeader(file).tensors;
    for (const name of expected ?? []) {
      if (!Object.hasOwn(header, name)) {
        throw new AceError(
          "ERR_CHECKPOINT",
          `${file}: lacks ${JSON.stringify(name)}, which the index places there`,
        );
      }
    }
    for (const [name, entry] of Object.entries(header)) {
      if (expected !== undefined && !expected.has(name)) {
        throw new AceError(
          "ERR_CHECKPOINT",
          `${file}: holds ${JSON.stringify(name)}, which the index does not place there`,
        );
      }
      tensors.set(name, { ...entry, file });
    }
  }
  return {
    folder,
    files: [...shards.keys()],
    tensors,
    read(name) {
      const entry = tensors.get(name);
      if (entry === undefined) {
        throw new AceError("ERR_CHECKPOINT", `${folder}: has no tensor ${JSON.stringify(name)}`);
      }
      return readSafetensors(entry.file, [name]).tensors[name] as HostTensor;
    },
  };
}

function shardsOf(folder: string, index: string): Shards {
  const shards = new Map<string, Set<string>>();
  for (const [name, shard] of Object.entries(readWeightMap(index))) {
    if (typeof shard !== "string" || !isPlainShardName(shard)) {
      throw new AceError(
        "ERR_FILE",
        `${index}: weight_map places ${JSON.stringify(name)} in ${JSON.stringify(shard)}, expected the plain name of a .safetensors file beside it`,
      );
    }
    const file = join(folder, shard);
    const names = shards.get(file) ?? new Set<string>();
    shards.set(file, names.add(name));
  }
  if (shards.size === 0) throw new AceError("ERR_FILE", `${index}: its weight_map is empty`);
  return shards;
}

function readWeightMap(index: string): object {
  if (statSync(index).size > maxIndexBytes) {
    throw new AceError("ERR_FILE", `${index}: larger than ${maxIndexBytes} bytes, not an index of shards`);
  }
  const text = readFileSync(index, "utf8");
  const problem = jsonProblem(text, 8);
  if (problem !== undefined) throw new AceError("ERR_FILE", `${index}: ${problem}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${index}: ${notJson(cause)}`, { cause });
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new AceError("ERR_FILE", `${index}: has no weight_map of tensor names to file names`);
  }
  return map;
}

/** No separator of any system and no drive, so the shard cannot leave the folder by its name. */
function isPlainShardName(name: string): boolean {
  return /^[^/\\:\0]+\.safetensors$/.test(name);
}
