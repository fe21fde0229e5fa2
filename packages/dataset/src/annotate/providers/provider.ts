import type { LyricLine } from "../../lyrics/lrc.js";
import type { SongIdentity } from "../runs/song-identity.js";

/** Fields of a sample that a provider can fill. */
export type AnnotatedField =
  "lyrics" | "caption" | "genre" | "language" | "bpm" | "keyscale" | "timesignature";

/** What is known of a song before anybody is asked. */
export interface SongToAnnotate {
  audioFile: string;
  identity: SongIdentity;
  /** Fields that will be used of the answer. */
  wants: readonly AnnotatedField[];
}

/** What a provider answered. Absent fields: nothing was said; empty lyrics: there are none. */
export interface Annotation {
  caption?: string;
  genre?: string;
  bpm?: number;
  keyscale?: string;
  timesignature?: string;
  language?: string;
  lyrics?: string;
  /** When the lines are sung, where the provider says. */
  lyricLines?: LyricLine[];
  /** How sure the provider is of the lyrics, 0 to 1. */
  confidence?: number;
  /** One line each: what a person should know of this answer. */
  notes?: string[];
}

/** One service and model. */
export interface Provider {
  /** As it goes into the record of where a field came from. */
  name: string;
  model: string;
  /** Where songs are sent: the origin of the base URL. */
  origin: string;
  gives: readonly AnnotatedField[];
  /** False where the song itself is never sent. */
  sendsAudio: boolean;
  /** Requests a song takes, at the least. */
  callsPerSong: number;
  /** One line each: what a person should know before the start. */
  warnings: readonly string[];
  /** @throws {ServiceFailure} when there is no answer; {AceError} ERR_FILE when the song cannot be read. */
  annotate(song: SongToAnnotate, signal: AbortSignal): Promise<Annotation>;
}
