import type { DeviceInfo } from "@acewright/core-native";

/** `green`: starts and stays; `yellow`: starts, but little is left for others; `red`: there is no room. */
export type MemoryVerdict = "green" | "yellow" | "red";

/** What the plan does not count: a library's own kernels and graphs, Node's heap. */
export const headroomBytes = 2 ** 29;

/**
 * What a browser or a desktop takes and gives back on a card while a run goes on. Bytes, not a share: the plan is exact, so
 * nothing in it grows with its size, and other programs do not take more because a card is larger.
 */
export const neighboursBytes = 2 ** 30;

/**
 * How a plan stands to the memory that is free before the start. Main memory is another matter than a card's: what is
 * free there is an estimate, which the system raises by dropping caches, so only a plan beyond the machine is red.
 */
export function memoryVerdict(
  neededBytes: number,
  { name, freeBytes, memoryBytes }: DeviceInfo,
): MemoryVerdict {
  const left = freeBytes - headroomBytes - neededBytes;
  if (name === "cpu") return left >= 0 ? "green" : neededBytes <= memoryBytes ? "yellow" : "red";
  return left >= neighboursBytes ? "green" : left >= 0 ? "yellow" : "red";
}
