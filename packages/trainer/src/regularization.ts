import { createHash } from "node:crypto";
import { AceError } from "@acewright/core-native";
import type { TrainConfig } from "./config/train-config.js";
import type { OpenSamples, SampleSource } from "./sample-source.js";

/**
 * The songs a configuration trains on: its dataset's, and behind them those of its regularization set.
 *
 * @throws {AceError} ERR_FILE for a folder that holds no tensors, ERR_SHAPE for sets that are not of one model
 */
export async function openSongs(
  openSamples: OpenSamples,
  { tensors, regularization }: Pick<TrainConfig, "tensors" | "regularization">,
): Promise<SampleSource> {
  const own = await openSamples(tensors);
  if (regularization === undefined) return own;
  const set = await openSamples(regularization);
  if (set.encoderHiddenSize !== own.encoderHiddenSize) {
    throw new AceError(
      "ERR_SHAPE",
      `${regularization}: encoder_hidden_states are ${set.encoderHiddenSize} wide, those of ${tensors} ${own.encoderHiddenSize}; preprocess both with one model`,
    );
  }
  const from = own.songs.length;
  return {
    ...own,
    hash: createHash("sha256").update(`${own.hash} ${set.hash}`).digest("hex"),
    songs: [...own.songs, ...set.songs],
    regularization: { folder: regularization, from, madeWith: set.madeWith, datasetHash: own.hash },
    read: (index) => (index < from ? own.read(index) : set.read(index - from)),
  };
}
