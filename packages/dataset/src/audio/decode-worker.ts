import { AceError } from "@acewright/core-native";
import { parentPort, workerData } from "node:worker_threads";
import { decodeFile, type DecodedAudio, type DecodeRequest } from "./decode-file.js";
import { audioProblemOf, type AudioProblem } from "./refusal.js";

/** What the pool hears back: the audio, or a refusal as plain data (an Error loses its class between threads). */
export type DecodeReply =
  | { audio: DecodedAudio }
  | { refusal: { problem: AudioProblem; message: string } }
  | { fault: { message: string; stack: string | undefined } };

const port = parentPort;
if (port === null) throw new AceError("ERR_INTERNAL", "decode-worker runs only inside a worker thread");

const heartbeat = new Int32Array(workerData as SharedArrayBuffer);
const beat = (): void => void Atomics.add(heartbeat, 0, 1);

// The WebAssembly decoders tell of damage by console.error, and mpg123's then tries the same bytes for ever:
// throwing here ends the decode, and wasm-decoders turns it into a refusal.
console.error = (...parts: unknown[]): never => {
  throw new Error(parts.join(" "));
};

port.on("message", (request: DecodeRequest) => {
  void answer(request).then((reply) => {
    const transfer = "audio" in reply ? reply.audio.channels.map((channel) => channel.buffer) : [];
    port.postMessage(reply, transfer);
  });
});

async function answer(request: DecodeRequest): Promise<DecodeReply> {
  try {
    return { audio: await decodeFile(request, beat) };
  } catch (error) {
    const problem = audioProblemOf(error);
    if (problem !== undefined) return { refusal: { problem, message: (error as Error).message } };
    const fault = error instanceof Error ? error : new Error(String(error));
    return { fault: { message: `${request.path}: ${fault.message}`, stack: fault.stack } };
  }
}
