import { AceError } from "@acewright/core-native";
import type { TrainConfig } from "./config/train-config.js";
import type { Wording } from "./plan/epoch.js";
import type { SampleSource } from "./sample-source.js";

/**
 * The songs with the wordings a run can meet: where no field is ever left empty, none with an empty field is read, so that
 * none takes memory on the device.
 *
 * @throws {AceError} ERR_CONFIG where a field is to be left empty and the songs were preprocessed without such wordings
 */
export function withWordings(
  samples: SampleSource,
  config: Pick<TrainConfig, "captionDropout" | "lyricsDropout" | "tensors">,
): SampleSource {
  const [name] = (["captionDropout", "lyricsDropout"] as const).filter((key) => config[key] > 0);
  if (name !== undefined) {
    const without = samples.songs.find(({ wordings }) => wordings === undefined);
    if (without === undefined) return samples;
    throw new AceError(
      "ERR_CONFIG",
      `${name}: ${config.tensors}: ${without.id} was preprocessed without the wordings it needs; preprocess the songs again with --field-dropout (latents are kept), or set it to 0`,
    );
  }
  if (samples.songs.every(({ wordings }) => wordings === undefined)) return samples;
  return {
    ...samples,
    songs: samples.songs.map(({ wordings, ...song }) => ({
      ...song,
      conditionTokens: complete(wordings, song.conditionTokens),
    })),
    read: async (index) => {
      const sample = await samples.read(index);
      return { ...sample, conditions: complete(samples.songs[index]?.wordings, sample.conditions) };
    },
  };
}

/** Of things that stand beside wordings, those of wordings with every field. */
function complete<T>(wordings: readonly Wording[] | undefined, things: readonly T[]): readonly T[] {
  if (wordings === undefined) return things;
  return things.filter((_, i) => wordings[i]?.caption !== null && wordings[i]?.lyrics === true);
}
