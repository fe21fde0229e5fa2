import { openDevice, type ModelConfig, type SampleRequest } from "@acewright/core-native";
import {
  decodeLatents,
  readSilenceLatent,
  resolveModelFolders,
  writeAudio,
  type AudioTags,
} from "@acewright/dataset";
import { encodeSongs } from "./generate/conditions.js";
import { normalisePeak } from "./generate/loudness.js";
import { framesOf, sampleRequest, samplingFor } from "./generate/sampling.js";
import type { GenerateSettings } from "./generate/settings.js";

/** Words to what the music model is asked, and latents to a file one can listen to. */
export interface SongMaker {
  /** The networks are closed again before it returns. */
  prepare(
    songs: readonly GenerateSettings[],
    model: Pick<ModelConfig, "isTurbo">,
  ): Promise<{
    readonly samples: readonly { readonly request: SampleRequest; readonly frames: number }[];
    readonly warnings: readonly string[];
  }>;
  /** `.wav` or `.flac`, by the name. */
  write(latents: Float32Array, file: string, tags?: AudioTags): Promise<void>;
}

/**
 * Encodes and decodes with the networks beside a music model, on the CPU: the device is busy with training.
 *
 * @param encodes whether words will be encoded: then the text encoder must be there, too
 * @throws {AceError} ERR_FILE when there is no VAE.
 */
export function openSongMaker(modelFolder: string, threads: number | undefined, encodes: boolean): SongMaker {
  const folders = resolveModelFolders(modelFolder, encodes ? {} : { textEncoder: modelFolder });
  return {
    prepare: async (songs, model) => {
      const device = openDevice("cpu", threads === undefined ? {} : { threads });
      const { words, warnings } = await encodeSongs(folders, songs, { device, network: "cpu", threads });
      const silence = readSilenceLatent(folders.model);
      const samples = songs.map((settings, index) => ({
        request: sampleRequest(
          settings,
          samplingFor(settings, model, folders.model),
          words[index] ?? { condition: new Float32Array() },
          silence,
        ),
        frames: framesOf(settings),
      }));
      return { samples, warnings };
    },
    write: async (latents, file, tags = {}) => {
      const wave = await decodeLatents(folders.vae, latents, {
        device: "cpu",
        ...(threads !== undefined && { threads }),
      });
      normalisePeak(wave);
      await writeAudio(file, wave, 48_000, { tags });
    },
  };
}
