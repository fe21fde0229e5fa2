import type { AceErrorCode } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import type { ModelFolders } from "../encoders/model-folders.js";
import type { EncoderDevice } from "../onnx/execution-device.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import type { PreprocessEvent, PreprocessPhase } from "./events.js";
import type { PartFiles } from "./part-files.js";
import type { TensorFile } from "../tensors/tensor-file.js";
import type { TensorStore } from "../tensors/tensor-store.js";
import { variantName } from "./pieces/variant.js";
import type { Recipe } from "./recipe.js";
import type { PreprocessSettings } from "./settings.js";
import type { SongWork } from "./song-work.js";

/** What all phases of one run share. */
export interface PhaseContext {
  readonly settings: PreprocessSettings;
  readonly folders: ModelFolders;
  readonly device: EncoderDevice;
  readonly silence: SilenceLatent;
  readonly store: TensorStore;
  readonly parts: PartFiles;
  readonly signal: AbortSignal;
  readonly emit: (event: PreprocessEvent) => void;
}

/** A song that has to be made. */
export interface PendingSong extends SongWork {
  readonly recipe: Recipe;
  /** Tensors of an earlier run whose latents are still right. */
  readonly reusable?: TensorFile;
}

/** Refusals that concern one song; a checkpoint or device at fault concerns all. */
const songErrors: ReadonlySet<AceErrorCode> = new Set<AceErrorCode>([
  "ERR_FILE",
  "ERR_CONFIG",
  "ERR_SHAPE",
  "ERR_OUT_OF_MEMORY",
]);

/**
 * Runs one phase song by song. A song whose work is refused is told and left out; what `work` returns then writes, and
 * a write that fails ends the run, for it would fail for every song.
 */
export async function eachSong(
  { emit, signal }: PhaseContext,
  phase: PreprocessPhase,
  songs: readonly PendingSong[],
  work: (song: PendingSong, onFraction: (fraction: number) => void) => Promise<() => void | Promise<void>>,
): Promise<Set<string>> {
  const made = new Set<string>();
  const told = new Set<AceError>();
  const audioS = songs.reduce((sum, { expectedS }) => sum + expectedS, 0);
  let audioDoneS = 0;
  emit({ type: "phase", phase, songs: songs.length });
  for (const [index, song] of songs.entries()) {
    signal.throwIfAborted();
    const progress = (fraction: number): void => {
      const count = { songsDone: index, songs: songs.length, fraction };
      emit({ type: "progress", phase, id: song.id, ...count, audioDoneS: audioDoneS + fraction * song.expectedS, audioS }); // prettier-ignore
    };
    let write: () => void | Promise<void>;
    try {
      write = await work(song, progress);
    } catch (error) {
      if (!(error instanceof AceError) || !songErrors.has(error.code)) throw error;
      // A file that cannot be read fails all its pieces, and is told once.
      if (!told.has(error)) emit({ type: "failed", id: song.id, audioFile: song.audioFile, error });
      told.add(error);
      audioDoneS += song.expectedS;
      continue;
    }
    await write();
    made.add(song.id);
    progress(1);
    audioDoneS += song.expectedS;
  }
  return made;
}

/** The song, and which piece of it, for messages. */
export function pieceLabel({ audioFile, piece: { chunk, variant } }: SongWork): string {
  const words = [
    ...(chunk === undefined ? [] : [`${chunk.startS.toFixed(2)} to ${chunk.endS.toFixed(2)} s`]),
    ...(variant === undefined ? [] : [variantName(variant)]),
  ];
  return words.length === 0 ? audioFile : `${audioFile} (${words.join(", ")})`;
}

/** What to look at where a network gives numbers that cannot be trained on. */
const mends = {
  latents: "listen to the file, it may be damaged; where every song is told, the autoencoder's files are",
  "text states":
    "look at its caption and lyrics; where every song is told, the text encoder's files are damaged",
  "condition states":
    "look at its caption and lyrics; where every song is told, the model's files are damaged",
};

/** A network's result that cannot be trained on leaves its song out. @throws {AceError} ERR_FILE */
export function checkFinite(file: string, what: keyof typeof mends, values: Float32Array): void {
  if (values.every(Number.isFinite)) return;
  throw new AceError("ERR_FILE", `${file}: its ${what} hold NaN or infinity; ${mends[what]}`);
}
