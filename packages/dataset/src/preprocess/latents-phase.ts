import { AceError } from "@acewright/core-native";
import type { LatentPosterior } from "../encoders/vae.js";
import { VaeEncoder } from "../encoders/vae.js";
import { SoundsAhead } from "./audio/sounds-ahead.js";
import { gaussians } from "./gaussian.js";
import type { PendingSong, PhaseContext } from "./phase.js";
import { checkFinite, eachSong, pieceLabel } from "./phase.js";
import { canonical, latentsRecipe } from "./recipe.js";
import type { Recipe } from "./recipe.js";
import type { PreprocessSettings } from "./settings.js";
import { latentsPart, writeLatents } from "./song-parts.js";

/** Shorter songs have nothing to learn from, and less than a patch of latents cannot be trained on at all. */
const shortestS = 1;
/** Below this every sample is silence (as upstream decides it). */
const silenceLevel = 1e-6;

/** Decodes and encodes every song; the latents go to part files. Returns the songs that made it. */
export async function latentsPhase(
  context: PhaseContext,
  songs: readonly PendingSong[],
): Promise<PendingSong[]> {
  const { settings, parts, device } = context;
  const missing = songs.filter((song) => !parts.has(latentsPart(song), latentsRecipe(song.recipe)));
  const toEncode: PendingSong[] = [];
  for (const song of missing) {
    if (song.reusable === undefined) toEncode.push(song);
    else writeLatents(context, song, { ...song.reusable.content, ...song.reusable.metadata });
  }
  if (toEncode.length === 0) return [...songs];
  const encoder = await VaeEncoder.open(context.folders.vae, { device, threads: settings.threads });
  try {
    if (encoder.config.latentChannels !== context.silence.channels) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${context.folders.vae}: has ${encoder.config.latentChannels} latent channels, the music model ${context.silence.channels}`,
      );
    }
    const sounds = new SoundsAhead(toEncode, settings, context.signal, ({ songId }, message) => {
      context.emit({ type: "warning", id: songId, message });
    });
    const made = await eachSong(context, "latents", toEncode, async (song, onFraction) => {
      const { wave, durationS, level } = await sounds.take(song);
      checkAudible(pieceLabel(song), wave, durationS);
      const posterior = await encoder.encode(wave, {
        signal: context.signal,
        onProgress: (done, total) => {
          onFraction(done / total);
        },
      });
      const latents = drawLatents(posterior, settings, song.recipe);
      checkFinite(pieceLabel(song), "latents", latents);
      return () => {
        writeLatents(context, song, { latents, durationS, level });
      };
    });
    return songs.filter((song) => made.has(song.id) || !toEncode.includes(song));
  } finally {
    await encoder.close();
  }
}

/** mean, or mean + std n with noise that depends on the seed, the song's content and which piece of it this is. */
function drawLatents(
  { mean, std }: LatentPosterior,
  { posterior, seed }: PreprocessSettings,
  { audio, piece }: Recipe,
): Float32Array {
  if (posterior === "mean") return mean;
  const key = piece === undefined ? `${seed} ${audio}` : `${seed} ${audio} ${canonical(piece)}`;
  const noise = gaussians(key, mean.length);
  return mean.map((value, i) => value + (std[i] as number) * (noise[i] as number));
}

function checkAudible(file: string, channels: readonly Float32Array[], durationS: number): void {
  if (durationS < shortestS) {
    throw new AceError(
      "ERR_FILE",
      `${file}: lasts ${durationS.toFixed(2)} s, at least ${shortestS} s is needed; leave it out or take a longer cut`,
    );
  }
  if (channels.every((channel) => channel.every((sample) => Math.abs(sample) < silenceLevel))) {
    throw new AceError("ERR_FILE", `${file}: is silent from end to end; leave it out or export it again`);
  }
}
