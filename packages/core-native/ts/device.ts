import { availableParallelism, cpus, totalmem } from "node:os";
import type { NativeHandle } from "./binding.js";
import { AceError } from "./errors.js";
import { binding, buildId } from "./load.js";
import type { DeviceInfo, DeviceName } from "./types.js";

const handles = new WeakMap<Device, NativeHandle>();

/** A device and its native thread. Everything opened on it runs there, one call after another. */
export class Device {
  readonly info: DeviceInfo;

  /** @internal use {@link openDevice} */
  constructor(info: DeviceInfo, handle: NativeHandle) {
    this.info = info;
    handles.set(this, handle);
  }
}

/** @internal */
export function deviceHandle(device: Device): NativeHandle {
  const handle = handles.get(device);
  if (handle === undefined) throw new AceError("ERR_DEVICE", "device: expected what openDevice() returned");
  return handle;
}

function cpuInfo(threads: number): DeviceInfo {
  return {
    name: "cpu",
    description: cpus()[0]?.model.trim() ?? "CPU",
    instructionSet: binding().instructionSet(),
    buildId: buildId(),
    memoryBytes: totalmem(),
    threads,
  };
}

/** The devices this build can train on, best first. @throws {AceError} ERR_DEVICE when the addon does not load. */
export function devices(): DeviceInfo[] {
  return [cpuInfo(availableParallelism())];
}

/**
 * Opens a device. `auto` takes the best of {@link devices}; a device named and missing is an error.
 *
 * @param options.threads threads of the CPU device, 1 to 1024; default all cores this process may use
 * @throws {AceError} ERR_DEVICE, ERR_CONFIG
 */
export function openDevice(name: DeviceName = "auto", options: { readonly threads?: number } = {}): Device {
  if (name !== "auto" && name !== "cpu") {
    throw new AceError(
      "ERR_DEVICE",
      `device "${name}": the CUDA backend of this version has no complete set of operators yet; use "cpu" or "auto"`,
    );
  }
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024)
    throw new AceError(
      "ERR_CONFIG",
      `threads: expected a whole number from 1 to 1024, got ${String(threads)}`,
    );
  return new Device(cpuInfo(threads), binding().openDevice(threads));
}

let shared: Device | undefined;

/** @internal The process's default device, opened once. */
export function defaultDevice(): Device {
  shared ??= openDevice("auto");
  return shared;
}
