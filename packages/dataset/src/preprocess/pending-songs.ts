import { AceError } from "@acewright/core-native";
import type { ModelFolders } from "../encoders/model-folders.js";
import { fileSha256, folderFingerprint, textSha256 } from "../fingerprint.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { levelSettings } from "./audio/level.js";
import type { PendingSong } from "./phase.js";
import { isWhole } from "./pieces/piece.js";
import type { StoredSong, TensorStore } from "../tensors/tensor-store.js";
import type { Recipe } from "./recipe.js";
import { defined, existingTensors, makeRecipe } from "./recipe.js";
import type { PreprocessSettings } from "./settings.js";
import { keptDurationS } from "./settings.js";
import type { SongWork } from "./song-work.js";

/** Fingerprints of what the tensors depend on besides the song. */
export type NetworkPrints = Pick<Recipe, "model" | "vae" | "textEncoder">;

/** How a song stands before anything is made. */
export type SongState =
  /** It cannot be read at all, or has no words to go with it. Pieces of one song share one error. */
  | { readonly state: "failed"; readonly work: SongWork; readonly error: AceError }
  /** Its tensors are there and were made from the same things. */
  | { readonly state: "valid"; readonly work: SongWork; readonly existing: StoredSong }
  /** It has to be made; `reason` where tensors are there that must not be used. */
  | { readonly state: "pending"; readonly work: PendingSong; readonly reason: string | undefined };

/** Looks at each song in turn: audio, words, and the tensors that are there. Nothing is changed. */
export async function* songStates(
  works: readonly SongWork[],
  settings: PreprocessSettings,
  prints: NetworkPrints,
  store: Pick<TensorStore, "find">,
  signal: AbortSignal,
): AsyncGenerator<SongState, void> {
  let song: { readonly id: string; readonly audio: string | AceError } | undefined;
  for (const work of works) {
    signal.throwIfAborted();
    // The pieces of one song stand next to one another: its file is read once.
    if (song?.id !== work.songId) song = { id: work.songId, audio: await audioChecksum(work, signal) };
    if (typeof song.audio !== "string") {
      yield { state: "failed", work, error: song.audio };
      continue;
    }
    const recipe = recipeOf(work, song.audio, settings, prints);
    const existing = await existingTensors(store, work.id, recipe);
    if (existing.state === "valid") {
      yield { state: "valid", work, existing: existing.song };
      continue;
    }
    const [reason, reusable] =
      existing.state === "stale" ? [existing.reason, existing.latents] : [undefined, undefined];
    yield { state: "pending", work: { ...work, recipe, ...defined({ reusable }) }, reason };
  }
}

function recipeOf(
  work: SongWork,
  audio: string,
  settings: PreprocessSettings,
  prints: NetworkPrints,
): Recipe {
  const { conditioning, posterior, seed, ceilingDb, fieldDropout } = settings;
  const { prompt, piece } = work;
  const level = levelSettings(settings) ?? (piece.variant === undefined ? undefined : { ceilingDb });
  return makeRecipe({
    audio,
    prompt,
    conditioning,
    posterior,
    ...(posterior === "sample" ? { seed } : {}),
    ...defined({ maxDurationS: keptDurationS(settings), level }),
    ...(isWhole(work) ? {} : { piece }),
    ...(fieldDropout ? { fieldDropout } : {}),
    ...prints,
  });
}

/** The checksum, or why the song cannot be made. */
async function audioChecksum(
  { audioFile, isMissing, prompt }: SongWork,
  signal: AbortSignal,
): Promise<string | AceError> {
  if (prompt.captions.includes("")) {
    return new AceError("ERR_CONFIG", `${audioFile}: has no caption; write one, or set a trigger word`);
  }
  try {
    if (isMissing) throw new Error("it does not exist; mend audio_path or scan the folder again");
    return await fileSha256(audioFile, signal);
  } catch (cause) {
    signal.throwIfAborted();
    return new AceError("ERR_FILE", `${audioFile}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}

export function networkPrints(folders: ModelFolders, silence: SilenceLatent): NetworkPrints {
  // The silence is part of what the model is given, as timbre and as context.
  const silencePrint = textSha256(Buffer.from(silence.latents.buffer).toString("base64"));
  return {
    model: textSha256(folderFingerprint(folders.model, "model", ["config.json"]) + silencePrint),
    vae: folderFingerprint(folders.vae, "diffusion_pytorch_model", ["config.json"]),
    textEncoder: folderFingerprint(folders.textEncoder, "model", [
      "config.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]),
  };
}
