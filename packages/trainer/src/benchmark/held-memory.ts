import { devices, type DeviceInfo } from "@acewright/core-native";

/** Bytes held now: of main memory by this process on the CPU, of the card's by all programs on CUDA. */
export function heldBytes({ name, memoryBytes }: Pick<DeviceInfo, "name" | "memoryBytes">): number {
  if (name === "cpu") return process.memoryUsage.rss();
  // Looked up anew: the free memory of an opened device is that of its opening.
  const now = devices().find((device) => device.name === name);
  return memoryBytes - (now?.freeBytes ?? memoryBytes);
}
