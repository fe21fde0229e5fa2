import { AceError } from "@acewright/core-native";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { GraphBuilder } from "./graph-builder.js";

/** Where the frozen networks may be asked to run. `auto`: CUDA where the runtime has it, else the CPU. */
export type EncoderDeviceName = "auto" | "cpu" | "cuda";

/** Where they do run, and how that came about, in one line for the user. */
export interface EncoderDevice {
  readonly name: "cpu" | "cuda";
  readonly reason: string;
}

/**
 * Resolves `auto` once, so that every network of a run shares the answer.
 *
 * @throws {AceError} ERR_DEVICE when CUDA is asked for and onnxruntime cannot use it.
 */
export async function resolveEncoderDevice(asked: EncoderDeviceName): Promise<EncoderDevice> {
  if (asked === "cpu") return { name: "cpu", reason: "asked for" };
  const obstacle = await cudaObstacle();
  if (obstacle === undefined) {
    return { name: "cuda", reason: asked === "cuda" ? "asked for" : "onnxruntime has its CUDA provider" };
  }
  if (asked === "auto") return { name: "cpu", reason: "onnxruntime has no usable CUDA provider" };
  throw new AceError(
    "ERR_DEVICE",
    `onnxruntime cannot use CUDA here (${obstacle}); it needs CUDA 12, cuDNN 9 and ` +
      "`npm install onnxruntime-node --onnxruntime-node-install=cuda12`, or choose cpu or auto",
  );
}

/** Tries CUDA on the smallest graph there is: whether what is installed also loads, only a session can tell. */
async function cudaObstacle(): Promise<string | undefined> {
  // Asked first, because onnxruntime complains on the console about a library that is not there.
  if (!hasCudaLibrary()) return "its CUDA library is not installed";
  const graph = new GraphBuilder();
  graph.output("y", graph.input("x", "F32", [1]), "F32", [1]);
  try {
    const session = await InferenceSession.create(graph.model("probe").bytes, {
      executionProviders: ["cuda"],
      logSeverityLevel: 4,
    });
    await session.release();
    return undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "no reason given";
  }
}

function hasCudaLibrary(): boolean {
  const name =
    process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const binaries = join(dirname(entry), "..", "bin");
  return readdirSync(binaries).some((abi) =>
    existsSync(join(binaries, abi, process.platform, process.arch, name)),
  );
}
