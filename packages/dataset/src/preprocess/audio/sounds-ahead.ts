import { decodeAudio } from "../../audio/decode.js";
import type { StereoWave } from "../../encoders/vae.js";
import type { PendingSong } from "../phase.js";
import type { ChunkRange } from "../pieces/plan-chunks.js";
import type { PreprocessSettings } from "../settings.js";
import { keptDurationS } from "../settings.js";
import { changeSound } from "./change-sound-aside.js";
import type { LevelChange } from "./level.js";
import { levelSettings, unchanged } from "./level.js";

const sampleRateHz = 48_000;
/** Two channels of 32-bit floats. */
const bytesPerSecond = 2 * 4 * sampleRateHz;
/** Of a song whose header does not say: five minutes. */
const unknownS = 300;

/** A piece of a song as the autoencoder hears it. */
export interface PieceSound {
  readonly wave: StereoWave;
  readonly durationS: number;
  /** What was done to its level, everything together. */
  readonly level: LevelChange;
}

interface SongSound extends PieceSound {
  readonly channels: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
}

export interface AheadLimits {
  /** Most pieces that are prepared or wait, besides the one that is taken. */
  readonly pieces: number;
  /** Most memory that decoded sound may take, in bytes; one piece is always allowed. */
  readonly bytes: number;
}

export const aheadLimits: AheadLimits = { pieces: 4, bytes: 512 * 2 ** 20 };

/**
 * Decodes, levels and varies the pieces that come next while the network works on the one before; on worker threads, in
 * order, within limits of memory. A song is decoded once for all its pieces.
 */
export class SoundsAhead {
  readonly #songs: readonly PendingSong[];
  readonly #settings: PreprocessSettings;
  readonly #signal: AbortSignal;
  readonly #warn: (song: PendingSong, message: string) => void;
  readonly #limits: AheadLimits;
  readonly #pieces = new Map<PendingSong, Promise<PieceSound>>();
  readonly #decoded = new Map<string, Promise<SongSound>>();
  #next = 0;
  #taken: PendingSong | undefined;

  /** @param songs in the order they will be taken, the pieces of one song next to one another */
  constructor(
    songs: readonly PendingSong[],
    settings: PreprocessSettings,
    signal: AbortSignal,
    warn: (song: PendingSong, message: string) => void,
    limits = aheadLimits,
  ) {
    this.#songs = songs;
    this.#settings = settings;
    this.#signal = signal;
    this.#warn = warn;
    this.#limits = limits;
  }

  /** The sound of the next piece; the one taken before is let go. */
  async take(song: PendingSong): Promise<PieceSound> {
    if (this.#taken !== undefined) this.#pieces.delete(this.#taken);
    this.#taken = song;
    this.#fill();
    const piece = this.#pieces.get(song);
    if (piece === undefined) throw new Error(`${song.id} was asked for out of turn`);
    return await piece;
  }

  #fill(): void {
    while (this.#next < this.#songs.length) {
      const song = this.#songs[this.#next] as PendingSong;
      const held = [...this.#pieces.keys()];
      if (held.length > this.#limits.pieces) return;
      if (held.length > 0 && soundBytes([...held, song]) > this.#limits.bytes) return;
      this.#next++;
      const made = this.#piece(song, this.#songs[this.#next]?.songId !== song.songId);
      // Whoever takes it hears of a failure; until then nobody listens.
      made.catch(() => undefined);
      this.#pieces.set(song, made);
    }
  }

  async #piece(song: PendingSong, isLastOfSong: boolean): Promise<PieceSound> {
    const { songId, piece, audioFile } = song;
    const decoding = this.#decoded.get(songId) ?? this.#decode(song);
    if (isLastOfSong) this.#decoded.delete(songId);
    else this.#decoded.set(songId, decoding);
    const whole = await decoding;
    if (piece.variant === undefined) {
      const wave = piece.chunk === undefined ? whole.channels : cut(whole.channels, piece.chunk);
      return { wave, durationS: wave[0].length / sampleRateHz, level: whole.level };
    }
    const channels = cut(whole.channels, piece.chunk ?? { startS: 0, endS: Infinity });
    const change = { kind: "variant", variant: piece.variant, ceilingDb: this.#settings.ceilingDb } as const;
    const made = await changeSound({ path: audioFile, channels, sampleRateHz, change }, this.#signal);
    const wave = made.channels as unknown as StereoWave;
    const level = {
      gainDb: whole.level.gainDb + made.level.gainDb,
      heldBackDb: whole.level.heldBackDb + made.level.heldBackDb,
    };
    return { wave, durationS: wave[0].length / sampleRateHz, level };
  }

  async #decode(song: PendingSong): Promise<SongSound> {
    const { audioFile } = song;
    const maxDurationS = keptDurationS(this.#settings);
    const signal = this.#signal;
    const audio = await decodeAudio(audioFile, {
      signal,
      ...(maxDurationS === undefined ? {} : { maxDurationS }),
    });
    for (const message of audio.warnings) this.#warn(song, message);
    const { channels, durationS } = audio;
    const level = levelSettings(this.#settings);
    if (level === undefined) return { channels, wave: channels, durationS, level: unchanged };
    const made = await changeSound(
      { path: audioFile, channels, sampleRateHz, change: { kind: "level", level } },
      signal,
    );
    const levelled = made.channels as [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
    return { channels: levelled, wave: levelled, durationS, level: made.level };
  }
}

/** Memory of pieces and of the songs they are cut from, by what headers say. */
function soundBytes(pieces: readonly PendingSong[]): number {
  const songs = new Map(pieces.map(({ songId, songS }) => [songId, songS]));
  const lengths = [...pieces.map(({ expectedS }) => expectedS), ...songs.values()];
  return lengths.reduce((sum, seconds) => sum + (seconds === 0 ? unknownS : seconds), 0) * bytesPerSecond;
}

/** A copy of a stretch of both channels. */
function cut(
  [left, right]: readonly [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>],
  { startS, endS }: ChunkRange,
): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
  const from = Math.round(startS * sampleRateHz);
  const to = Math.min(left.length, Math.round(Math.min(endS, 1e9) * sampleRateHz));
  return [left.slice(from, to), right.slice(from, to)];
}
