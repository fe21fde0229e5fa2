import type { Dataset } from "../dataset-file/schema.js";
import { chooseGenreSamples, promptCaption } from "../dataset-file/prompt-caption.js";
import { songRepeats } from "../dataset-file/repeats.js";
import type { Song } from "../dataset-file/resolve-audio.js";
import type { TensorMetadata } from "../tensors/tensor-file.js";
import { tensorIds } from "./song-ids.js";

/** One song on its way to tensors. */
export interface SongWork {
  readonly id: string;
  /** Name of its tensor file. */
  readonly file: string;
  readonly audioFile: string;
  readonly isMissing: boolean;
  readonly prompt: TensorMetadata["prompt"];
  /** Its record of dataset.json, with every key. */
  readonly sample: Song["sample"];
  /** How often it stands in an epoch. */
  readonly repeats: number;
}

/** The songs of a dataset with their prompts, in order. */
export function songWorks(dataset: Dataset, songs: readonly Song[]): SongWork[] {
  const byGenre = chooseGenreSamples(dataset);
  const ids = tensorIds(songs.map(({ sample, audioFile }) => ({ id: sample.id, audioFile })));
  return songs.map(({ sample, audioFile, isMissing }, index) => {
    const id = ids[index] as string;
    const captions = [sample.caption, ...captionVariants(sample)].map((caption) =>
      promptCaption({ ...sample, caption }, dataset.metadata, byGenre.has(index)),
    );
    return {
      id,
      file: `${id}.safetensors`,
      audioFile,
      isMissing,
      sample,
      repeats: songRepeats(sample),
      prompt: {
        captions: [...new Set(captions)],
        lyrics: sample.lyrics,
        bpm: sample.bpm,
        timesignature: sample.timesignature,
        keyscale: sample.keyscale,
        language: sample.language,
      },
    };
  });
}

/** Further captions of one song, under `acewright.captions` of its sample. */
function captionVariants(sample: Song["sample"]): string[] {
  const ours = sample["acewright"] as { captions?: unknown } | undefined;
  const captions = ours?.captions;
  return Array.isArray(captions) ? captions.filter((caption) => typeof caption === "string") : [];
}
