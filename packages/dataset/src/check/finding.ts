/** What a check can find; stable names for scripts. */
export type FindingCode =
  | "no-samples"
  | "missing-file"
  | "unreadable"
  | "empty"
  | "damaged"
  | "needs-ffmpeg"
  | "nan"
  | "too-loud"
  | "silent"
  | "too-short"
  | "too-long"
  | "clipped"
  | "duration-differs"
  | "missing-caption"
  | "caption-too-long"
  | "lyrics-too-long"
  | "odd-bpm"
  | "odd-key"
  | "odd-time-signature"
  | "odd-language"
  | "duplicate-audio"
  | "duplicate-id"
  | "decoder-note";

/** One thing worth knowing about a dataset before time is spent on it. */
export interface Finding {
  /** `error`: the song cannot be used; `warning`: the result will suffer; `info`: worth a look. */
  severity: "error" | "warning" | "info";
  code: FindingCode;
  /** Index in `dataset.samples`; undefined when the dataset as a whole is meant. */
  sample: number | undefined;
  /** One line: which song, what was expected, what came. */
  message: string;
  /** One line: how to mend it. */
  fix: string;
}
