import { languageCode } from "../transcripts/language-code.js";
import type { SaidFields } from "../transcripts/answer-fields.js";
import { lyricsOf } from "../transcripts/lyrics-text.js";
import type { AnnotatedField, Annotation } from "./provider.js";

export interface CaptionOptions {
  model: string;
  /** Instead of our own words; what the answer must look like is added to it. */
  prompt: string | undefined;
  /** Take tempo, key and time signature from the answer too. */
  metas: boolean;
  temperature: number;
  topP: number;
  mostBytes: number;
}

/** What a captioning model gives. */
export function captionFields(metas: boolean): AnnotatedField[] {
  return ["caption", "genre", ...(metas ? (["bpm", "keyscale", "timesignature"] as const) : [])];
}

/** A model's answer as an annotation. */
export function captionOf({ lyrics, language, ...said }: SaidFields): Annotation {
  const code = languageCode(language);
  const written = lyrics === undefined ? undefined : lyricsOf(lyrics);
  return {
    ...said,
    ...(code === undefined ? {} : { language: code }),
    ...(written === undefined ? {} : { lyrics: written.text }),
    ...(written === undefined || written.lines.length === 0 ? {} : { lyricLines: written.lines }),
  };
}
