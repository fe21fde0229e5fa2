import { AceError } from "@acewright/core-native";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { WorkerReply } from "./audio-worker.js";
import type { DecodedAudio, DecodeRequest } from "./decode-file.js";
import { audioRefusal } from "./refusal.js";

export interface DecodePoolOptions {
  /** Files decoded at the same time. */
  concurrency?: number;
  /** A decoder that shows no sign of life for this long is stopped. */
  stallS?: number;
  /** An idle worker thread ends after this long. */
  idleS?: number;
  workerUrl?: URL;
}

/** A request names the file it is about, for messages. */
interface Job<Request, Result> {
  request: Request;
  /** Memory of the request that is handed over instead of copied. */
  transfer: readonly ArrayBuffer[];
  resolve(result: Result): void;
  reject(error: unknown): void;
}

interface Slot<Request, Result> {
  worker: Worker;
  heartbeat: Int32Array;
  job: Job<Request, Result> | undefined;
  idleTimer: NodeJS.Timeout | undefined;
}

/**
 * Worker threads that decode, or decode and do more, so that the event loop never waits; threads start when needed and
 * end when idle.
 */
export class DecodePool<Request extends { path: string } = DecodeRequest, Result = DecodedAudio> {
  #concurrency: number;
  readonly #stallS: number;
  readonly #idleS: number;
  readonly #workerUrl: URL;
  readonly #queue: Job<Request, Result>[] = [];
  readonly #slots = new Set<Slot<Request, Result>>();

  constructor(options: DecodePoolOptions = {}) {
    this.#concurrency = options.concurrency ?? Math.max(1, Math.min(4, availableParallelism() - 1));
    this.#stallS = options.stallS ?? 60;
    this.#idleS = options.idleS ?? 5;
    this.#workerUrl = options.workerUrl ?? new URL("./decode-worker.js", import.meta.url);
  }

  /** Jobs already running are not interrupted. */
  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#next();
  }

  /** Threads alive, for tests. */
  get threads(): number {
    return this.#slots.size;
  }

  /** Queues one file; an abort drops it from the queue or stops its thread. */
  async run(request: Request, signal?: AbortSignal, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    signal?.throwIfAborted();
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<Result>((resolve, reject) => {
        const job: Job<Request, Result> = { request, transfer, resolve, reject };
        onAbort = () => {
          this.#abort(job, signal?.reason);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        this.#queue.push(job);
        this.#next();
      });
    } finally {
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    }
  }

  #next(): void {
    const slots = [...this.#slots];
    let busy = slots.filter((slot) => slot.job !== undefined).length;
    while (busy < this.#concurrency) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#start(slots.find((slot) => slot.job === undefined) ?? this.#open(), job);
      busy++;
    }
  }

  #start(slot: Slot<Request, Result>, job: Job<Request, Result>): void {
    clearTimeout(slot.idleTimer);
    slot.job = job;
    slot.worker.ref();
    slot.worker.postMessage(job.request, [...job.transfer]);
    this.#watch(slot, job, Atomics.load(slot.heartbeat, 0), 0);
  }

  /** Counts ticks without a heartbeat, not wall time: a laptop that slept has not stalled. */
  #watch(slot: Slot<Request, Result>, job: Job<Request, Result>, lastBeat: number, quietTicks: number): void {
    const ticks = 12;
    setTimeout(
      () => {
        if (slot.job !== job) return;
        const beat = Atomics.load(slot.heartbeat, 0);
        const quiet = beat === lastBeat ? quietTicks + 1 : 0;
        if (quiet < ticks) {
          this.#watch(slot, job, beat, quiet);
          return;
        }
        const what = `the decoder made no progress for ${this.#stallS} s and was stopped; re-encode the file`;
        this.#fail(slot, audioRefusal("stalled", job.request.path, what));
      },
      (this.#stallS * 1000) / ticks,
    ).unref();
  }

  #open(): Slot<Request, Result> {
    const memory = new SharedArrayBuffer(4);
    // Flags of the main program (--input-type, --test and the like) are not meant for the thread, and some refuse it.
    const worker = new Worker(this.#workerUrl, { workerData: memory, execArgv: [] });
    const slot: Slot<Request, Result> = {
      worker,
      heartbeat: new Int32Array(memory),
      job: undefined,
      idleTimer: undefined,
    };
    this.#slots.add(slot);
    worker.on("message", (reply: WorkerReply<Result>) => {
      this.#settle(slot, reply);
    });
    const fail = (cause: unknown): void => {
      this.#fail(
        slot,
        new AceError("ERR_INTERNAL", `the decoding thread failed: ${String(cause)}`, { cause }),
      );
    };
    worker.on("error", fail);
    worker.on("exit", (code) => {
      if (this.#slots.has(slot)) fail(`it ended with code ${code}`);
    });
    return slot;
  }

  #settle(slot: Slot<Request, Result>, reply: WorkerReply<Result>): void {
    const { job } = slot;
    slot.job = undefined;
    slot.worker.unref();
    slot.idleTimer = setTimeout(() => {
      this.#close(slot);
    }, this.#idleS * 1000).unref();
    if (job !== undefined) {
      if ("result" in reply) job.resolve(reply.result);
      else if ("refusal" in reply) {
        job.reject(new AceError("ERR_FILE", reply.refusal.message, { cause: reply.refusal.problem }));
      } else job.reject(new AceError("ERR_INTERNAL", reply.fault.message, { cause: reply.fault.stack }));
    }
    this.#next();
  }

  #fail(slot: Slot<Request, Result>, error: unknown): void {
    slot.job?.reject(error);
    slot.job = undefined;
    this.#close(slot);
    this.#next();
  }

  #abort(job: Job<Request, Result>, reason: unknown): void {
    const queued = this.#queue.indexOf(job);
    if (queued >= 0) {
      this.#queue.splice(queued, 1);
      job.reject(reason);
      return;
    }
    const slot = [...this.#slots].find((candidate) => candidate.job === job);
    if (slot !== undefined) this.#fail(slot, reason);
  }

  #close(slot: Slot<Request, Result>): void {
    clearTimeout(slot.idleTimer);
    this.#slots.delete(slot);
    void slot.worker.terminate();
  }
}
