import type { TrainConfigInput } from "../config/train-config.js";
import { EventQueue } from "../event-queue.js";
import type { TrainEvent } from "../events.js";
import { native } from "../native.js";
import { parseConfig } from "../config/parse-config.js";
import { nodeFiles } from "../run/files.js";
import { openSongMaker } from "../song-maker.js";
import { stoppedAtOnce, StopRequest } from "../stop-request.js";
import { openTensorSamples } from "../tensor-samples.js";
import type { StartOptions } from "../check-run.js";
import { openRun, type Opened, type TrainParts } from "./open-run.js";
import type { ResumeOptions } from "./resume-check.js";
import { TrainingLoop } from "./training-loop.js";

/** How a run is begun and ended; what it computes is in the configuration. */
export interface TrainOptions extends ResumeOptions, StartOptions {
  /** Stops after the step in hand, saves a checkpoint, and ends with `interrupted`. */
  readonly signal?: AbortSignal;
  /** Ends at once with `interrupted`, without saving: for a second Ctrl-C. */
  readonly stopNow?: AbortSignal;
}

/**
 * Trains an adapter into a run folder and tells of it as it happens. Training begins with the first event asked for and
 * then never waits for its reader, who may lose step events but no other; `break` stops the run and saves it.
 *
 * @throws {AceError} while iterating: ERR_CONFIG, ERR_FILE, ERR_CHECKPOINT, ERR_SHAPE, ERR_DEVICE, ERR_OUT_OF_MEMORY.
 * @example
 * for await (const event of train({ tensors: "tensors", model: "acestep-v15-turbo", output: "run" }))
 *   if (event.type === "step") console.log(event.step, event.loss);
 */
export function train(
  config: TrainConfigInput,
  options: TrainOptions = {},
): AsyncIterableIterator<TrainEvent> {
  return trainWith(
    { native, openSamples: openTensorSamples, files: nodeFiles, openSongMaker },
    config,
    options,
  );
}

/** {@link train} on given parts. Training begins with the first `next()` and then runs on by itself. */
export function trainWith(
  parts: TrainParts,
  config: TrainConfigInput,
  options: TrainOptions = {},
): AsyncIterableIterator<TrainEvent> {
  const queue = new EventQueue();
  const stop = new StopRequest(options.signal, options.stopNow);
  let work: Promise<void> | undefined;
  const begin = () => (work ??= runToEnd(parts, config, options, queue, stop));
  return {
    async next() {
      void begin();
      const value = await queue.next();
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
    },
    /** `break` comes here: the run is stopped and saved before the loop is left. */
    async return() {
      stop.request();
      if (work === undefined) queue.close();
      await work;
      while ((await queue.next()) !== undefined);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Never rejects: what goes wrong reaches the reader through the queue. */
async function runToEnd(
  parts: TrainParts,
  config: TrainConfigInput,
  options: TrainOptions,
  queue: EventQueue,
  stop: StopRequest,
): Promise<void> {
  const opened = new OpenedThings();
  let failure: { readonly cause: unknown } | undefined;
  try {
    const run = await stop.race(openRun(parseConfig(config), options, parts, opened));
    if (run === stoppedAtOnce) queue.push({ type: "interrupted", step: 0 });
    else {
      const tell = (event: TrainEvent) => {
        queue.push(event);
      };
      await new TrainingLoop(run, parts.files, tell, stop).toTheEnd();
    }
  } catch (cause) {
    failure = { cause };
  }
  const closed = opened.close(stop.workInHand).catch((cause: unknown) => {
    failure ??= { cause };
  });
  // A native call cannot be cut off: who asked to end at once does not wait for it.
  if (!stop.isAtOnce) await closed;
  if (failure === undefined) queue.close();
  else queue.fail(failure.cause);
}

class OpenedThings implements Opened {
  private readonly disk: (() => void)[] = [];
  private readonly natives: (() => void)[] = [];

  onDisk(close: () => void): void {
    this.disk.push(close);
  }

  native(close: () => void): void {
    this.natives.push(close);
  }

  async close(workInHand: Promise<void>): Promise<void> {
    for (const close of this.disk.splice(0).reverse()) close();
    await workInHand;
    // Opening itself may have been the work in hand.
    for (const close of this.disk.splice(0).reverse()) close();
    for (const close of this.natives.splice(0).reverse()) close();
  }
}
