/** What a check can find; stable names for scripts. */
export type FindingCode =
  // the dataset and its paths
  | "no-samples"
  | "duplicate-id"
  | "missing-file"
  | "odd-path"
  // the file
  | "unreadable"
  | "empty"
  | "damaged"
  | "needs-ffmpeg"
  | "nan"
  | "too-loud"
  | "decoder-note"
  // the sound
  | "silent"
  | "silent-start"
  | "silent-end"
  | "silent-middle"
  | "quiet"
  | "clipped"
  | "dc-offset"
  | "mono"
  | "mono-as-stereo"
  | "out-of-phase"
  | "dead-channel"
  | "low-sample-rate"
  | "spectral-cutoff"
  | "low-bitrate"
  | "too-short"
  | "too-long"
  | "duration-differs"
  | "duplicate-audio"
  | "near-duplicate"
  // the words and numbers
  | "missing-caption"
  | "missing-fields"
  | "caption-too-long"
  | "metas-lost"
  | "lyrics-too-long"
  | "odd-bpm"
  | "odd-key"
  | "odd-time-signature"
  | "odd-language"
  | "language-mismatch"
  | "instrumental-mismatch"
  | "lrc-stamps"
  | "doubtful-value";

export type Severity = "error" | "warning" | "info";

/** One thing worth knowing about a dataset before time is spent on it. */
export interface Finding {
  /** `error`: the song cannot be used; `warning`: the result will suffer; `info`: worth a look. */
  severity: Severity;
  code: FindingCode;
  /** Index in `dataset.samples`; undefined when the dataset as a whole is meant. */
  sample: number | undefined;
  /** The key of dataset.json that is meant; `audio` for the sound of the file. */
  field: string | undefined;
  /** One line: which song, what was expected, what came. */
  message: string;
  /** One line: how to mend it. */
  fix: string;
  /** The value the field should rather have, where it can be told. */
  suggestion?: string | number;
  /** The other sample of a duplicate. */
  other?: number;
}

/** A finding without its song. */
export type Remark = Omit<Finding, "sample">;

/** A remark as one line of code writes it. */
export function remark(
  severity: Severity,
  code: FindingCode,
  field: string | undefined,
  message: string,
  fix: string,
  suggestion?: string | number,
): Remark {
  const rest = suggestion === undefined ? {} : { suggestion };
  return { severity, code, field, message, fix, ...rest };
}
