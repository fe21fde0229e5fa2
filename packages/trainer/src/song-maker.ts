import { decodeLatents, resolveModelFolders, writeWav } from "@acewright/dataset";
import { normalisePeak } from "./generate/loudness.js";

/** Latents to a file one can listen to. */
export interface SongMaker {
  write(latents: Float32Array, file: string): Promise<void>;
}

/**
 * Decodes with the VAE beside a music model, on the CPU: the device is busy with training.
 *
 * @throws {AceError} ERR_FILE when there is no VAE.
 */
export function openSongMaker(modelFolder: string, threads: number | undefined): SongMaker {
  const { vae } = resolveModelFolders(modelFolder, { textEncoder: modelFolder });
  return {
    write: async (latents, file) => {
      const wave = await decodeLatents(vae, latents, {
        device: "cpu",
        ...(threads !== undefined && { threads }),
      });
      normalisePeak(wave);
      writeWav(file, wave, 48_000);
    },
  };
}
