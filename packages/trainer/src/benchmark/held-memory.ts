import { freeBytes, type DeviceInfo } from "@acewright/core-native";

/** Bytes held now: of main memory by this process on the CPU, of the card's by all programs on CUDA. */
export function heldBytes({ name, memoryBytes }: Pick<DeviceInfo, "name" | "memoryBytes">): number {
  return name === "cpu" ? process.memoryUsage.rss() : memoryBytes - freeBytes(name);
}
