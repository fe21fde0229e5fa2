import { availableParallelism } from "node:os";
import type { DeviceUse, DeviceWatch } from "./device-use.js";

/** The CPU as this process uses it. */
export class CpuWatch implements DeviceWatch {
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
