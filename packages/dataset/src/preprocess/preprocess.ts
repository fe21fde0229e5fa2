import { eventStream } from "../event-stream.js";
import type { PreprocessEvent } from "./events.js";
import type { PreprocessOptions } from "./preprocess-run.js";
import { PreprocessRun } from "./preprocess-run.js";

/**
 * Makes tensors of every song of a dataset: decoded, encoded to latents, captions and lyrics to conditions, one file a
 * song and a manifest. Files that are already right are kept, so an interrupted run goes on where it was. A song that
 * fails is told and left out. Ends with a `done` event, a dry run with `planned`; leaving the loop stops the work.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_CONFIG, ERR_DEVICE for what concerns all songs: dataset, model,
 *   settings, device, output folder. The signal's reason when it is aborted.
 */
export function preprocess(options: PreprocessOptions): AsyncGenerator<PreprocessEvent, void> {
  return eventStream<PreprocessEvent>(options.signal, (signal, emit) =>
    new PreprocessRun(options, signal, emit).run(),
  );
}
