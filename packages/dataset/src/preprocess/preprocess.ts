import type { PreprocessEvent } from "./events.js";
import { EventQueue } from "./events.js";
import type { PreprocessOptions } from "./preprocess-run.js";
import { PreprocessRun } from "./preprocess-run.js";

/**
 * Makes tensors of every song of a dataset: decoded, encoded to latents, captions and lyrics to conditions, one file a
 * song and a manifest. Files that are already right are kept, so an interrupted run goes on where it was. A song that
 * fails is told and left out. Ends with a `done` event; leaving the loop stops the work.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_CONFIG, ERR_DEVICE for what concerns all songs: dataset, model,
 *   settings, device, output folder. The signal's reason when it is aborted.
 */
export async function* preprocess(options: PreprocessOptions): AsyncGenerator<PreprocessEvent, void> {
  const queue = new EventQueue<PreprocessEvent>();
  const stop = new AbortController();
  const signals = options.signal === undefined ? [stop.signal] : [stop.signal, options.signal];
  const run = new PreprocessRun(options, AbortSignal.any(signals), (event) => {
    queue.push(event);
  });
  const outcome = run.run().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  void outcome.then(() => {
    queue.close();
  });
  try {
    yield* queue;
  } finally {
    // A reader that leaves early still waits until nothing is being written any more.
    stop.abort();
    await outcome;
  }
  const failure = await outcome;
  if (failure !== undefined) throw failure.error;
}
