import { cudaVerdict, type CudaFacts } from "./cuda-verdict.js";
import { AceError } from "./errors.js";

/** Which device a name comes to. */
export type DeviceChoice =
  /** `problem`: why `auto` took no CUDA device. */
  { readonly kind: "cpu"; readonly problem?: string } | { readonly kind: "cuda"; readonly index: number };

/**
 * Resolves a device's name. `auto` is the first CUDA device that can be used, else the CPU.
 *
 * @param facts asked only where they matter: looking at CUDA takes a moment
 * @throws {AceError} ERR_DEVICE where a named device cannot be used
 */
export function chooseDevice(name: string, facts: () => CudaFacts): DeviceChoice {
  if (name === "cpu") return { kind: "cpu" };
  if (name === "auto") return automatic(facts());
  const [whole, index = "0"] = /^cuda(?::(\d+))?$/.exec(name) ?? [];
  if (whole === undefined)
    throw new AceError("ERR_DEVICE", `device ${JSON.stringify(name)}: expected auto, cpu, cuda or cuda:N`);
  const verdict = cudaVerdict(facts(), Number(index));
  if (!verdict.usable) throw new AceError("ERR_DEVICE", `device "${name}": ${verdict.problem}`);
  return { kind: "cuda", index: Number(index) };
}

function automatic(facts: CudaFacts): DeviceChoice {
  const problems = new Set<string>();
  // One after another: a verdict may open its device, and those behind the one that is taken are left alone.
  for (let index = 0; index < Math.max(1, facts.devices.length); index++) {
    const verdict = cudaVerdict(facts, index);
    if (verdict.usable) return { kind: "cuda", index };
    problems.add(verdict.problem);
  }
  return { kind: "cpu", problem: [...problems].join("; ") };
}
