import { availableParallelism, cpus, totalmem } from "node:os";
import type { NativeCudaDevice, NativeHandle } from "./binding.js";
import { chooseDevice } from "./choose-device.js";
import { cudaVerdict, versionText, type CudaDevice, type CudaFacts } from "./cuda-verdict.js";
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

  /**
   * Which algorithm of cuBLASLt computes each matrix product met so far, a line each, below the library's version, and which
   * kernels attention; "" on the CPU, where the sizes alone decide. With {@link useAlgorithms} another process computes the
   * same bits.
   */
  algorithms(): Promise<string> {
    return binding().deviceAlgorithms(deviceHandle(this));
  }

  /**
   * Products of the shapes in `record` are computed by the algorithms that stand there, whatever the library prefers now, and
   * attention by the kernels that do.
   *
   * @param record what {@link algorithms} gave
   * @throws {AceError} ERR_CONFIG for a record of another version of the library, or of kernels that this device has not or
   *   `ACEWRIGHT_ATTENTION` rules out; on the CPU; and for other text
   */
  useAlgorithms(record: string): Promise<void> {
    return binding().useAlgorithms(deviceHandle(this), record);
  }

  /**
   * On: when a matrix product of a new shape is met, cuBLASLt's five most promising algorithms are timed for it and the
   * fastest is kept, a second or so for each new shape of a training step. Another choice rounds otherwise, so equal runs
   * are equal bit for bit only with the record of {@link algorithms}. Off, at first: the library's own first choice.
   *
   * @throws {AceError} ERR_CONFIG on the CPU, whose products choose nothing
   */
  tuneProducts(on: boolean): Promise<void> {
    return binding().tuneProducts(deviceHandle(this), on);
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
    freeBytes: process.availableMemory(),
    threads,
  };
}

function cudaInfo(facts: CudaFacts, index: number): DeviceInfo {
  const device = facts.devices[index];
  if (device === undefined) throw new AceError("ERR_INTERNAL", `cuda:${index} was chosen and is not there`);
  const { cublasLt } = facts;
  return {
    name: `cuda:${index}`,
    description: device.name,
    instructionSet: `sm_${device.major}${device.minor}`,
    buildId: buildId(),
    memoryBytes: device.memoryBytes,
    freeBytes: device.freeBytes,
    threads: availableParallelism(),
    computeCapability: `${device.major}.${device.minor}`,
    driverVersion: versionText(facts.driverVersion),
    ...(cublasLt !== undefined && "path" in cublasLt && { cublasLt }),
  };
}

/** What this machine and this build have of CUDA, looked up now: free memory changes. */
function cudaFacts(): CudaFacts {
  const found = binding().cudaDevices();
  const native = { ...found, devices: found.devices.map(withFreeBytes) };
  // A large library: not opened for a device that is not there.
  return native.compiled && native.devices.length > 0
    ? { ...native, cublasLt: binding().cublasLt() }
    : native;
}

/** Looked up when it is first asked for: a context on each card of a machine would be held for as long as one is trained on. */
function withFreeBytes(device: NativeCudaDevice, index: number): CudaDevice {
  let freeBytes: number | undefined;
  return {
    ...device,
    get freeBytes() {
      return (freeBytes ??= binding().cudaFreeBytes(index));
    },
  };
}

/**
 * What there is to train on: CUDA devices, then the CPU. A CUDA device that cannot be used says why in its `note`.
 *
 * @throws {AceError} ERR_DEVICE when the addon does not load.
 */
export function devices(): DeviceInfo[] {
  const facts = cudaFacts();
  const cuda = facts.devices.map((_, index) => {
    const verdict = cudaVerdict(facts, index);
    const info = cudaInfo(facts, index);
    return verdict.usable ? info : { ...info, note: verdict.problem };
  });
  return [...cuda, cpuInfo(availableParallelism())];
}

/** Whether `auto` would take CUDA, in a sentence: versions, or what is missing. */
export function cudaReport(): { readonly usable: boolean; readonly text: string } {
  const facts = cudaFacts();
  const choice = chooseDevice("auto", () => facts);
  if (choice.kind === "cpu") return { usable: false, text: choice.problem ?? "" };
  const { driverVersion, runtimeVersion, cublasLt } = facts;
  const blas =
    cublasLt !== undefined && "path" in cublasLt ? `, cuBLASLt ${cublasLt.version} at ${cublasLt.path}` : "";
  const versions = `the driver serves CUDA ${versionText(driverVersion)}, the runtime is ${versionText(runtimeVersion)}`;
  return { usable: true, text: `${versions}${blas}` };
}

/**
 * Opens a device. `auto` takes the first CUDA device that can be used and otherwise the CPU, and says so in
 * `info.note`; a device that was named and cannot be used is an error.
 *
 * @param options.threads threads of the CPU device, 1 to 1024; default all cores this process may use
 * @throws {AceError} ERR_DEVICE (what was found and what is needed), ERR_CONFIG
 */
export function openDevice(name: DeviceName = "auto", options: { readonly threads?: number } = {}): Device {
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024)
    throw new AceError(
      "ERR_CONFIG",
      `threads: expected a whole number from 1 to 1024, got ${String(threads)}`,
    );
  let facts: CudaFacts | undefined;
  const choice = chooseDevice(name, () => (facts ??= cudaFacts()));
  if (choice.kind === "cpu") {
    const note = choice.problem === undefined ? {} : { note: `device auto is the CPU: ${choice.problem}` };
    return new Device({ ...cpuInfo(threads), ...note }, binding().openDevice("cpu", threads));
  }
  const info = cudaInfo(facts ?? cudaFacts(), choice.index);
  const note = name === "auto" ? { note: `device auto is ${info.name}: ${info.description}` } : {};
  return new Device({ ...info, ...note }, binding().openDevice("cuda", choice.index));
}

/** Bytes free at this moment on the device of that name, where `info.freeBytes` are those of its opening. */
export function freeBytes(name: DeviceInfo["name"]): number {
  if (name === "cpu") return process.availableMemory();
  return binding().cudaFreeBytes(Number(name.slice("cuda:".length)));
}

let shared: Device | undefined;

/** @internal The process's default device, opened once. */
export function defaultDevice(): Device {
  shared ??= openDevice("auto");
  return shared;
}
