import { eventStream } from "../event-stream.js";
import type { LabelEvent } from "./events.js";
import type { LabelDatasetOptions } from "./label-run.js";
import { LabelRun } from "./label-run.js";

/**
 * Describes the songs of a dataset with the 5 Hz language model: caption, genre, tempo, key, time signature, language and,
 * for songs that have a voice and no words, lyrics. What is there is kept unless it is named in `overwrite`. Audio becomes
 * codes first, for all songs, then the language model is loaded. The dataset is written once, at the end or when it is
 * stopped; the same call then goes on where it was. Ends with a `done` event; leaving the loop stops the work.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_CONFIG, ERR_DEVICE, ERR_OUT_OF_MEMORY for what concerns all songs. The
 *   signal's reason when it is aborted.
 */
export function labelDataset(options: LabelDatasetOptions): AsyncGenerator<LabelEvent, void> {
  return eventStream<LabelEvent>(options.signal, (signal, emit) => new LabelRun(options, signal, emit).run());
}
