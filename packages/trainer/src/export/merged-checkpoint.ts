import {
  copyFileSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  AceError,
  formatBytes,
  readSafetensorsHeader,
  safetensorsHead,
  type CheckpointEntry,
} from "@acewright/core-native";
import { freeBytes } from "@acewright/dataset";
import { openBaseWeights, tensorName } from "../adapters/base-weights.js";
import { mergedWeight } from "../adapters/module-change.js";
import type { OpenedAdapter } from "../adapters/opened-adapter.js";
import { writeFolderAtomic } from "../run/atomic-folder.js";
import { nodeFiles } from "../run/files.js";
import { refuseOccupied } from "./output-place.js";
import { roundMerged, type ModuleSurvival } from "./rounding.js";

export interface MergedOptions {
  readonly model: string;
  /** A new folder. */
  readonly output: string;
  /** Multiplies the adapter's change. */
  readonly strength?: number;
  /** A shard is closed before it would be larger than this. */
  readonly maxShardBytes?: number;
  readonly onTensor?: (done: number, of: number) => void;
}

export interface MergedCheckpoint {
  readonly files: readonly string[];
  readonly survival: readonly ModuleSurvival[];
}

/** As large as the shards of published checkpoints. */
const publishedShardBytes = 5e9;
const weightsFile = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/**
 * Writes a model with the adapter merged into its weights, in the official layout: shards with an index where they are several,
 * and every other file of the model's folder. One tensor is in memory at a time.
 *
 * @throws {AceError} ERR_CHECKPOINT where they do not fit; ERR_FILE where the disk has no room or the folder is taken.
 */
export async function writeMergedCheckpoint(
  adapter: OpenedAdapter,
  { model, output, strength = 1, maxShardBytes = publishedShardBytes, onTensor }: MergedOptions,
): Promise<MergedCheckpoint> {
  const base = openBaseWeights(model);
  const modules = new Map(adapter.modules.map((module) => [tensorName(module.name), module]));
  const absent = [...modules.keys()].find((name) => !base.checkpoint.tensors.has(name));
  if (absent !== undefined)
    throw new AceError("ERR_CHECKPOINT", `${adapter.path}: ${base.folder} has no ${absent} to merge it into`);
  const shards = shardsOf(base.checkpoint.tensors, maxShardBytes);
  refuseOccupied(output);
  const others = readdirSync(base.folder).filter(
    (name) => !weightsFile.test(name) && statSync(join(base.folder, name)).isFile(),
  );
  checkRoom(output, [...base.checkpoint.files, ...others.map((name) => join(base.folder, name))]);
  const metadata = metadataOf(base.checkpoint.files, adapter);
  const survival: ModuleSurvival[] = [];
  const names = shards.map((_, i) => shardName(i, shards.length));
  let done = 0;
  await writeFolderAtomic(nodeFiles, output, async (folder) => {
    mkdirSync(folder, { recursive: true });
    for (const name of others) copyFileSync(join(base.folder, name), join(folder, name));
    for (const [i, shard] of shards.entries()) {
      const descriptor = openSync(join(folder, names[i] ?? ""), "wx");
      try {
        const entries = Object.fromEntries(shard);
        writeWhole(descriptor, safetensorsHead(output, entries, metadata));
        for (const [name, entry] of shard) {
          const module = modules.get(name);
          if (module === undefined) writeWhole(descriptor, base.checkpoint.read(name).data);
          else {
            const weight = base.read(module.name);
            const merged = mergedWeight(module, weight, strength);
            const made = roundMerged(module.name, weight, merged, floatType(name, entry));
            survival.push(made.survival);
            writeWhole(descriptor, made.tensor.data);
          }
          onTensor?.(++done, base.checkpoint.tensors.size);
          await nextTurn();
        }
      } finally {
        closeSync(descriptor);
      }
    }
    if (shards.length > 1)
      writeFileSync(join(folder, "model.safetensors.index.json"), indexOf(shards, names));
  });
  return { files: [...names, ...others].map((name) => join(output, name)), survival };
}

type Shard = readonly (readonly [string, CheckpointEntry])[];

/** In the order that safetensors' header wants: widest dtype first, then by name. */
function shardsOf(tensors: ReadonlyMap<string, CheckpointEntry>, maxBytes: number): Shard[] {
  const shards: [string, CheckpointEntry][][] = [[]];
  let bytes = 0;
  for (const [name, entry] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (bytes > 0 && bytes + entry.byteLength > maxBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push([name, entry]);
    bytes += entry.byteLength;
  }
  const width = ({ shape, byteLength }: CheckpointEntry) =>
    byteLength /
    Math.max(
      1,
      shape.reduce((product, size) => product * size, 1),
    );
  return shards.map((shard) => shard.sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1)));
}

function shardName(i: number, of: number): string {
  if (of === 1) return "model.safetensors";
  const five = (n: number) => String(n).padStart(5, "0");
  return `model-${five(i + 1)}-of-${five(of)}.safetensors`;
}

function indexOf(shards: readonly Shard[], names: readonly string[]): string {
  const total = shards.flat().reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
  const map = shards.flatMap((shard, i) => shard.map(([name]) => [name, names[i] ?? ""] as const));
  const weights = Object.fromEntries(map.sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ metadata: { total_size: total }, weight_map: weights }, null, 2)}\n`;
}

function checkRoom(output: string, files: readonly string[]): void {
  const needed = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const free = freeBytes(dirname(output));
  if (free >= needed) return;
  throw new AceError(
    "ERR_FILE",
    `${output}: the disk has ${formatBytes(free)} free, the merged model takes ${formatBytes(needed)}`,
  );
}

function metadataOf(files: readonly string[], adapter: OpenedAdapter): Record<string, string> {
  const own = files[0] === undefined ? {} : readSafetensorsHeader(files[0]).metadata;
  const { trigger } = adapter.file.metadata;
  return { format: "pt", ...own, merged_adapter: adapter.file.config.kind, ...(trigger && { trigger }) };
}

function floatType(name: string, { dtype }: CheckpointEntry): "F32" | "BF16" {
  if (dtype === "F32" || dtype === "BF16") return dtype;
  throw new AceError("ERR_CHECKPOINT", `${name}: is ${dtype}; an adapter is merged into BF16 or F32 weights`);
}

function writeWhole(descriptor: number, data: Uint8Array): void {
  const mostPerCall = 1 << 28;
  for (let at = 0; at < data.length;)
    at += writeSync(descriptor, data, at, Math.min(mostPerCall, data.length - at));
}
