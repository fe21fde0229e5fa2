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
