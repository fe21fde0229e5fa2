import { availableParallelism } from "node:os";
import type { DeviceInfo } from "@acewright/core-native";
import { GpuWatch } from "./gpu-use.js";

/** How a device is used at a moment. */
export interface DeviceUse {
  /** Of the GPU, by all programs; on the CPU of this process. */
  readonly memoryBytes: number;
  readonly memoryTotalBytes: number;
  /** 0 to 1: the share of the time in which the GPU had work; on the CPU of all cores, by this process. */
  readonly utilization: number;
  readonly temperatureC?: number;
  readonly powerW?: number;
}

/** Knows the use of a device without anybody waiting for it. */
export interface DeviceWatch {
  /** The newest reading; undefined while there is none. */
  read(): DeviceUse | undefined;
  /** Why it will not be known in this run; undefined while it may. */
  readonly absence: string | undefined;
  close(): void;
}

/** Begins to watch a run's device. */
export function watchDevice(device: DeviceInfo): DeviceWatch {
  return device.name === "cpu" ? new CpuWatch(device.memoryBytes) : new GpuWatch(device);
}

class CpuWatch implements DeviceWatch {
  readonly absence = undefined;
  private before = { at: performance.now(), cpu: process.cpuUsage() };

  constructor(private readonly memoryTotalBytes: number) {}

  /** Cores count since the reading before. */
  read(): DeviceUse {
    const now = { at: performance.now(), cpu: process.cpuUsage() };
    const { before } = this;
    this.before = now;
    const workedMs = (now.cpu.user - before.cpu.user + now.cpu.system - before.cpu.system) / 1000;
    const passedMs = Math.max(1, now.at - before.at);
    return {
      memoryBytes: process.memoryUsage.rss(),
      memoryTotalBytes: this.memoryTotalBytes,
      utilization: Math.min(1, workedMs / passedMs / availableParallelism()),
    };
  }

  close(): void {
    // Nothing is open.
  }
}
