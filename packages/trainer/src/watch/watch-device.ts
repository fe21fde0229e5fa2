import type { DeviceInfo } from "@acewright/core-native";
import { CpuWatch } from "./cpu-use.js";
import type { DeviceWatch } from "./device-use.js";
import { GpuWatch } from "./gpu-use.js";

/** Begins to watch a run's device. */
export function watchDevice(device: DeviceInfo): DeviceWatch {
  return device.name === "cpu" ? new CpuWatch(device.memoryBytes) : new GpuWatch(device);
}
