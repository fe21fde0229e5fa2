import type { TensorContent, TensorMetadata } from "../tensors/tensor-file.js";
import { wordingsOf } from "../tensors/wordings.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { silenceFrames } from "../torch-file/silence-latent.js";
import type { ConditionNetwork } from "./condition-network.js";
import type { PendingSong, PhaseContext } from "./phase.js";
import { checkFinite, eachSong, pieceLabel } from "./phase.js";
import type { Piece } from "./pieces/piece.js";
import { isWhole } from "./pieces/piece.js";
import { variantName } from "./pieces/variant.js";
import { defined } from "./recipe.js";
import {
  latentsPart,
  lyricMaskName,
  lyricsName,
  part,
  promptPart,
  readLatents,
  textMaskName,
  textName,
} from "./song-parts.js";

/** Packs the conditions and writes the tensor files. `onMade` is told of each file once it is there. */
export async function conditionsPhase(
  context: PhaseContext,
  songs: readonly PendingSong[],
  network: ConditionNetwork,
  onMade: (song: PendingSong, content: TensorContent, metadata: TensorMetadata) => void,
): Promise<void> {
  const { settings, parts, silence, store } = context;
  const timbre =
    settings.conditioning === "official"
      ? oneZeroFrame(silence)
      : silenceFrames(silence, network.config.timbreFrames);
  await eachSong(context, "conditions", songs, async (song) => {
    const { latents, frames, durationS, level } = readLatents(context, song);
    const { tensors } = parts.read(promptPart(song), song.recipe);
    const conditions: Float32Array[] = [];
    const segments: TensorMetadata["segments"] = [];
    const wordings = wordingsOf(song.prompt, settings.fieldDropout);
    for (const { caption, lyrics: isSung } of wordings) {
      const result = await network.encode({
        text: part(tensors, textName(caption)),
        textMask: Uint8Array.from(part(tensors, textMaskName(caption))),
        lyrics: part(tensors, lyricsName(isSung)),
        lyricMask: Uint8Array.from(part(tensors, lyricMaskName(isSung))),
        timbre: [timbre],
      });
      checkFinite(pieceLabel(song), "condition states", result.hiddenStates);
      conditions.push(result.hiddenStates);
      const { lyrics, timbre: clip, text } = result.segments;
      segments.push({ lyrics: [...lyrics], timbre: [...clip], text: [...text] });
    }
    const content: TensorContent = {
      frames,
      channels: silence.channels,
      latents,
      conditions,
      width: network.config.encoderHiddenSize,
      contextLatents: undefined,
    };
    const metadata: TensorMetadata = {
      id: song.id,
      prompt: song.prompt,
      source: { path: song.audioFile, sha256: song.recipe.audio },
      durationS,
      ...(isWhole(song) ? {} : { song: song.songId, piece: namedPiece(song.piece) }),
      ...(song.recipe.level === undefined ? {} : { level }),
      conditioning: settings.conditioning,
      modelFingerprint: network.config.fingerprint,
      recipe: { ...song.recipe },
      ...(settings.fieldDropout ? { wordings } : {}),
      segments,
      sample: song.sample,
    };
    return () => {
      store.put(content, metadata, song.repeats);
      onMade(song, content, metadata);
      parts.remove(latentsPart(song));
      parts.remove(promptPart(song));
    };
  });
}

function namedPiece({ chunk, variant }: Piece): NonNullable<TensorMetadata["piece"]> {
  const name = variant === undefined ? "" : variantName(variant);
  return defined({ chunk, variant: variant === undefined ? undefined : { name, ...variant } });
}

/** What upstream's trainer gives as timbre. */
function oneZeroFrame({ channels }: SilenceLatent): Float32Array {
  return new Float32Array(channels);
}
