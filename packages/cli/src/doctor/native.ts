import { AceError, addonFile, cudaReport, devices, formatBytes } from "@acewright/core-native";
import type { DeviceInfo } from "@acewright/core-native";
import { resolveEncoderDevice } from "@acewright/dataset";
import type { Diagnosis } from "./diagnosis.js";

/** The addon, the CPU it runs on, CUDA with its cards, and the encoders' device. */
export async function nativeDiagnoses(): Promise<Diagnosis[]> {
  const addon = addonDiagnosis();
  if (addon.state === "problem") return [addon];
  const { usable, text } = cudaReport();
  const all = devices();
  return [
    addon,
    ...all.filter(({ name }) => name === "cpu").map(cpuDiagnosis),
    cudaDiagnosis(usable, text),
    ...all.filter(({ name }) => name !== "cpu").map(cardDiagnosis),
    await encoderDiagnosis(),
  ];
}

function addonDiagnosis(): Diagnosis {
  const name = "native core";
  const problem = (error: unknown, mend: string): Diagnosis => {
    if (!(error instanceof AceError)) throw error;
    return { name, state: "problem", detail: error.message, mend };
  };
  try {
    addonFile();
  } catch (error) {
    return problem(error, "install the packages again; in a checkout: npm run setup");
  }
  try {
    devices();
  } catch (error) {
    return problem(error, "correct ACEWRIGHT_ISA, or unset it");
  }
  return { name, state: "ok", detail: addonFile() };
}

/** What the CPU computes with. */
export function cpuDiagnosis({ description, instructionSet, threads }: DeviceInfo): Diagnosis {
  const detail = `${description}, ${instructionSet}, ${threads} threads`;
  if (instructionSet !== "scalar") return { name: "cpu", state: "ok", detail };
  return {
    name: "cpu",
    state: "note",
    detail: `${detail}: no vector instructions in use, many times slower`,
    mend:
      process.env["ACEWRIGHT_ISA"] === "scalar"
        ? "unset ACEWRIGHT_ISA"
        : "use a CPU with AVX2 (2013 and later) or NEON, or a GPU",
  };
}

/** @param text what {@link cudaReport} tells: what was found, or what is missing and how to get it */
export function cudaDiagnosis(usable: boolean, text: string): Diagnosis {
  if (usable) return { name: "cuda", state: "ok", detail: text };
  const mend = "nothing, to work on the CPU; for a GPU as said here";
  return { name: "cuda", state: "note", detail: `not used: ${text}`, mend };
}

/** A card and what speaks against it. */
export function cardDiagnosis(card: DeviceInfo): Diagnosis {
  const { name, description, computeCapability, freeBytes, memoryBytes, note } = card;
  const memory = `${formatBytes(freeBytes)} of ${formatBytes(memoryBytes)} free`;
  const detail = `${description}, compute capability ${computeCapability ?? "?"}, ${memory}`;
  if (note === undefined) return { name, state: "ok", detail };
  return { name, state: "note", detail, mend: note };
}

async function encoderDiagnosis(): Promise<Diagnosis> {
  const { name, reason } = await resolveEncoderDevice("auto");
  return { name: "encoders", state: "ok", detail: `onnxruntime on ${name} (${reason})` };
}
