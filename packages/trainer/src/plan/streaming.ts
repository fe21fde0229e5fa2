import type { DeviceInfo, MemoryPlan } from "@acewright/core-native";
import { headroomBytes, neighboursBytes } from "./verdict.js";

/** What the songs of a run take. */
export interface SongSizes {
  /** The largest song with all its conditions, in bytes. */
  readonly largestBytes: number;
  /** Songs of the largest micro-batch. */
  readonly batch: number;
}

/** Copies into one place go on while the kernels read the other. */
const places = 2;

/**
 * A plan in which songs that do not fit beside everything else stay in pinned main memory and are streamed: the fastest
 * recompute policy is worth more than resident songs, whose copies run beside the kernels. Those that stay resident leave
 * what other programs may want. On a CPU all songs are where they are used.
 *
 * @returns the plan with what the songs then take on the device, and how much of them may stay there
 */
export function withStreaming(
  memory: MemoryPlan,
  device: DeviceInfo,
  songs: SongSizes,
): { readonly memory: MemoryPlan; readonly residentBytes?: number } {
  const others = memory.totalBytes - memory.datasetBytes;
  const room = device.freeBytes - headroomBytes - others;
  const streamed = places * songs.batch * songs.largestBytes;
  if (device.name === "cpu" || memory.datasetBytes <= room || room < streamed) return { memory };
  const datasetBytes = Math.max(streamed, room - neighboursBytes);
  return {
    memory: { ...memory, datasetBytes, totalBytes: others + datasetBytes },
    residentBytes: datasetBytes - streamed,
  };
}
