import type { TrainSample } from "@acewright/core-native";
import type { SongShape } from "./plan/epoch.js";

/** A folder of preprocessed tensors as training sees it. */
export interface SampleSource {
  /** Hash over all songs' tensors: the identity of the dataset. */
  readonly hash: string;
  /** Width of the conditions; must be the model's. */
  readonly encoderHiddenSize: number;
  /** The dataset's trigger word, joined to every caption; empty where it has none. */
  readonly trigger: string;
  /** The model whose condition encoder made the conditions. */
  readonly madeWith: { readonly name: string; readonly fingerprint: string };
  readonly songs: readonly SampleSong[];
  /** There where songs of a regularization set stand behind the dataset's own. */
  readonly regularization?: RegularizationSongs;
  /** The tensors of `songs[index]`. */
  read(index: number): Promise<TrainSample>;
}

export interface RegularizationSongs {
  readonly folder: string;
  /** Index of the first of them; all after it are of the set. */
  readonly from: number;
  readonly madeWith: SampleSource["madeWith"];
  /** Hash of the dataset without them. */
  readonly datasetHash: string;
}

export interface SampleSong extends SongShape {
  readonly id: string;
}

/** Opens a tensors folder. */
export type OpenSamples = (folder: string) => Promise<SampleSource>;
