import { AceError } from "@acewright/core-native";
import { dirname, resolve } from "node:path";
import { isInside } from "./inside-folder.js";
import type { Dataset, Sample } from "./schema.js";

/** A song that stands oftener in one epoch than this is a mistake. */
export const mostRepeats = 1000;

/**
 * How often a song stands in one epoch: its `repeat` (Side-Step's key), 1 where it has none.
 *
 * @throws {AceError} ERR_FILE when `repeat` is no whole number from 1 to 1000.
 */
export function songRepeats(sample: Sample): number {
  const { repeat } = sample;
  if (repeat === undefined || repeat === null) return 1;
  if (typeof repeat === "number" && Number.isInteger(repeat) && repeat >= 1 && repeat <= mostRepeats)
    return repeat;
  const name = sample.filename === "" ? sample.id : sample.filename;
  throw new AceError(
    "ERR_FILE",
    `${name}: repeat: a whole number from 1 to ${mostRepeats} was expected, got ${JSON.stringify(repeat)}`,
  );
}

/**
 * Sets `repeat` of the songs under folders, in place; of several folders that hold a song the innermost counts, and "."
 * is all of them.
 *
 * @param root folder that the folders' paths start from
 * @throws {AceError} ERR_CONFIG when a folder holds no song, or a count is no whole number from 1 to 1000.
 */
export function setFolderRepeats(
  dataset: Dataset,
  root: string,
  repeats: Readonly<Record<string, number>>,
): void {
  const outermostFirst = Object.entries(repeats)
    .map(([folder, count]) => ({ folder, count, path: resolve(root, folder) }))
    .sort((a, b) => a.path.length - b.path.length);
  for (const { folder, count, path } of outermostFirst) {
    if (!Number.isInteger(count) || count < 1 || count > mostRepeats) {
      throw new AceError(
        "ERR_CONFIG",
        `folder repeats: ${folder}: a whole number from 1 to ${mostRepeats} was expected, got ${count}`,
      );
    }
    const songs = dataset.samples.filter(({ audio_path }) =>
      isInside(dirname(resolve(root, audio_path)), path),
    );
    if (songs.length === 0) {
      throw new AceError(
        "ERR_CONFIG",
        `folder repeats: ${folder}: holds no song of the dataset; name a folder under ${root}`,
      );
    }
    for (const song of songs) song["repeat"] = count;
  }
}
