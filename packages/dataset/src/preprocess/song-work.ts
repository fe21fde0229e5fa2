import { AceError } from "@acewright/core-native";
import { ByteSource } from "../audio/byte-source.js";
import { probeSource } from "../audio/probe.js";
import { chooseGenreSamples, promptCaption } from "../dataset-file/prompt-caption.js";
import { songRepeats } from "../dataset-file/repeats.js";
import type { Song } from "../dataset-file/resolve-audio.js";
import type { Dataset } from "../dataset-file/schema.js";
import type { TensorMetadata } from "../tensors/tensor-file.js";
import type { Piece } from "./pieces/piece.js";
import { pieceDurationS, pieceSuffix } from "./pieces/piece.js";
import { songPieces } from "./pieces/song-pieces.js";
import type { PreprocessSettings } from "./settings.js";
import { keptDurationS } from "./settings.js";
import { pieceIds, tensorIds } from "./song-ids.js";

/** One song, or one piece of a song, on its way to tensors. */
export interface SongWork {
  readonly id: string;
  /** The pieces of one song share it and stand next to one another. */
  readonly songId: string;
  readonly piece: Piece;
  /** Name of its tensor file. */
  readonly file: string;
  readonly audioFile: string;
  readonly isMissing: boolean;
  readonly prompt: TensorMetadata["prompt"];
  /** Its record of dataset.json, with every key. */
  readonly sample: Song["sample"];
  /** How often it stands in an epoch. */
  readonly repeats: number;
  /** Seconds of audio it will have, as far as the file's header and the dataset know; 0 where they do not. */
  readonly expectedS: number;
  /** The same of the song it is a piece of, as far as it is decoded. */
  readonly songS: number;
}

/** The songs of a dataset with their pieces and prompts, in order; `notes` are for the user. */
export async function songWorks(
  dataset: Dataset,
  songs: readonly Song[],
  settings: PreprocessSettings,
): Promise<{ works: SongWork[]; notes: { id: string; message: string }[] }> {
  const byGenre = chooseGenreSamples(dataset);
  const songIds = tensorIds(songs.map(({ sample, audioFile }) => ({ id: sample.id, audioFile })));
  const notes: { id: string; message: string }[] = [];
  const works: Omit<SongWork, "id" | "file">[] = [];
  const suffixes: string[] = [];
  for (const [index, song] of songs.entries()) {
    const { sample, audioFile, isMissing } = song;
    const songId = songIds[index] as string;
    const repeats = songRepeats(sample);
    const captions = [sample.caption, ...captionVariants(sample)].map((caption) =>
      promptCaption({ ...sample, caption }, dataset.metadata, byGenre.has(index)),
    );
    const { lyrics, bpm, timesignature, keyscale, language } = sample;
    const whole = { captions: [...new Set(captions)], lyrics, bpm, timesignature, keyscale, language };
    const durationS = await songDurationS(song);
    const made = songPieces(sample, whole, durationS, settings);
    for (const note of made.notes) notes.push({ id: songId, message: `${audioFile}: ${note}` });
    const keptS = Math.min(durationS, keptDurationS(settings) ?? Infinity);
    for (const { piece, chunkNumber, prompt } of made.pieces) {
      suffixes.push(pieceSuffix(piece, chunkNumber));
      const expectedS = pieceDurationS(piece, keptS);
      works.push({ songId, piece, audioFile, isMissing, prompt, sample, repeats, expectedS, songS: keptS });
    }
  }
  const ids = pieceIds(works.map(({ songId }, index) => ({ songId, suffix: suffixes[index] as string })));
  return {
    works: works.map((work, i) => ({ ...work, id: ids[i] as string, file: `${ids[i]}.safetensors` })),
    notes,
  };
}

/** By the file's header, else as dataset.json says; 0 where neither knows. What cannot be read is told when it is decoded. */
async function songDurationS({ audioFile, isMissing, sample }: Song): Promise<number> {
  if (isMissing) return 0;
  try {
    using source = await ByteSource.open(audioFile);
    const { format } = await probeSource(source);
    if (format?.frames !== undefined) return format.frames / format.sampleRateHz;
  } catch (error) {
    if (!(error instanceof AceError)) throw error;
  }
  return sample.duration;
}

/** Further captions of one song, under `acewright.captions` of its sample. */
function captionVariants(sample: Song["sample"]): string[] {
  const ours = sample["acewright"] as { captions?: unknown } | undefined;
  const captions = ours?.captions;
  return Array.isArray(captions) ? captions.filter((caption) => typeof caption === "string") : [];
}
