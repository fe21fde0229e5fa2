// From what was found of CUDA to whether a device can be used: pure, so that every machine can be tried in a test.
import type { CublasLt, NativeCuda, NativeCudaDevice } from "./binding.js";
import { formatBytes } from "./format-bytes.js";

/** A device as it was found. */
export interface CudaDevice extends NativeCudaDevice {
  /** 0 where the device would not open. Reading it opens the device: for one that is to be used, or for a list of all. */
  readonly freeBytes: number;
}

/** Everything a verdict stands on. */
export interface CudaFacts extends Omit<NativeCuda, "devices"> {
  readonly devices: readonly CudaDevice[];
  /** Not looked for where there is no device to use it. */
  readonly cublasLt?: CublasLt;
}

export type CudaVerdict =
  | { readonly usable: true; readonly device: CudaDevice }
  | { readonly usable: false; readonly problem: string };

/** The oldest driver that serves each major version of CUDA. */
const oldestDriver: Readonly<Record<number, number>> = { 12: 525, 13: 580 };
/** Less cannot hold a CUDA context's kernels, cuBLASLt and its workspace, let alone a model. */
const leastBytes = 2 ** 29;

/** Whether `cuda:index` can be used; the problem is one sentence with what was found and what is needed. */
export function cudaVerdict(facts: CudaFacts, index: number): CudaVerdict {
  const problem = problemOfMachine(facts) ?? problemOfDevice(facts, index);
  const device = facts.devices[index];
  if (problem === undefined && device !== undefined) return { usable: true, device };
  return { usable: false, problem: problem ?? `cuda:${index} does not exist` };
}

/** What stands against every device. */
function problemOfMachine({
  compiled,
  reason,
  driverVersion,
  runtimeVersion,
  devices,
}: CudaFacts): string | undefined {
  if (!compiled)
    return `this build of the native core cannot run on CUDA (${reason}); use a build that can, or device cpu`;
  if (driverVersion === 0)
    return `no NVIDIA driver was found (${reason}); install ${driverFor(runtimeVersion)}, or use device cpu`;
  if (majorOf(driverVersion) < majorOf(runtimeVersion))
    return `the NVIDIA driver serves CUDA ${versionText(driverVersion)}, this build needs ${versionText(runtimeVersion)}; update it to ${driverFor(runtimeVersion)}`;
  if (devices.length === 0)
    return `the NVIDIA driver (CUDA ${versionText(driverVersion)}) shows no device (${reason}); look at nvidia-smi and at CUDA_VISIBLE_DEVICES`;
  return undefined;
}

function problemOfDevice(facts: CudaFacts, index: number): string | undefined {
  const { devices, architectures, supported, cublasLt } = facts;
  const device = devices[index];
  if (device === undefined) {
    const found = devices.map(({ name }, i) => `cuda:${i} (${name})`).join(", ");
    return `cuda:${index} does not exist; found ${found}`;
  }
  const who = `cuda:${index} (${device.name})`;
  const capability = capabilityOf(device);
  if (!device.supported) return `${who} has compute capability ${capability}; supported are ${supported}`;
  const compiledFor = architectures.split(",");
  if (!compiledFor.includes(`${device.major}${device.minor}`))
    return `${who} has compute capability ${capability}, this build holds kernels for ${compiledFor.map(capabilityText).join(", ")} only; build it with ACE_CUDA_ARCHITECTURES=${device.major}${device.minor}, or use a release`;
  if (cublasLt !== undefined && "problem" in cublasLt) return cublasLt.problem;
  if (device.freeBytes < leastBytes)
    return `${who} has ${formatBytes(device.freeBytes)} of ${formatBytes(device.memoryBytes)} free, at least ${formatBytes(leastBytes)} are needed before any model; close what else uses the card`;
  return undefined;
}

/** `9.0` */
export function capabilityOf({ major, minor }: Pick<NativeCudaDevice, "major" | "minor">): string {
  return `${major}.${minor}`;
}

/** 13000 is `13.0`. */
export function versionText(version: number): string {
  return `${majorOf(version)}.${Math.floor((version % 1000) / 10)}`;
}

function majorOf(version: number): number {
  return Math.floor(version / 1000);
}

/** `120` is `12.0`. */
function capabilityText(architecture: string): string {
  return `${architecture.slice(0, -1)}.${architecture.slice(-1)}`;
}

function driverFor(runtimeVersion: number): string {
  const driver = oldestDriver[majorOf(runtimeVersion)];
  return driver === undefined ? `one for CUDA ${versionText(runtimeVersion)}` : `driver ${driver} or newer`;
}
