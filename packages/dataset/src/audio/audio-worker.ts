import { AceError } from "@acewright/core-native";
import { parentPort, workerData } from "node:worker_threads";
import { audioProblemOf, type AudioProblem } from "./refusal.js";

/** What the pool hears back: a result, or a refusal as plain data (an Error loses its class between threads). */
export type WorkerReply<Result> =
  | { result: Result }
  | { refusal: { problem: AudioProblem; message: string } }
  | { fault: { message: string; stack: string | undefined } };

/**
 * Makes this worker thread answer the requests of a `DecodePool`, one after the other.
 *
 * @param work calls `beat` now and then, as a sign of life
 * @param transferOf memory that need not be copied on its way back
 */
export function answerRequests<Work extends (request: never, beat: () => void) => Promise<unknown>>(
  work: Work,
  transferOf: (result: Awaited<ReturnType<Work>>) => ArrayBuffer[] = () => [],
): void {
  type Result = Awaited<ReturnType<Work>>;
  const port = parentPort;
  if (port === null) throw new AceError("ERR_INTERNAL", "an audio worker runs only inside a worker thread");
  const heartbeat = new Int32Array(workerData as SharedArrayBuffer);
  const beat = (): void => void Atomics.add(heartbeat, 0, 1);
  // The WebAssembly decoders tell of damage by console.error, and mpg123's then tries the same bytes for ever:
  // throwing here ends the decode, and wasm-decoders turns it into a refusal.
  console.error = (...parts: unknown[]): never => {
    throw new Error(parts.join(" "));
  };
  const answer = async (request: { path: string }): Promise<WorkerReply<Result>> => {
    try {
      return { result: (await work(request as never, beat)) as Result };
    } catch (error) {
      const problem = audioProblemOf(error);
      if (problem !== undefined) return { refusal: { problem, message: (error as Error).message } };
      const fault = error instanceof Error ? error : new Error(String(error));
      return { fault: { message: `${request.path}: ${fault.message}`, stack: fault.stack } };
    }
  };
  port.on("message", (request: { path: string }) => {
    void answer(request).then((reply) => {
      port.postMessage(reply, "result" in reply ? transferOf(reply.result) : []);
    });
  });
}
