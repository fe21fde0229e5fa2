import { AceError } from "@acewright/core-native";

/** Why an audio file was refused; travels as the `cause` of the `AceError`, so that a check can sort by it. */
export type AudioProblem =
  | "missing"
  | "empty"
  | "not-audio"
  | "unsupported"
  | "truncated"
  | "damaged"
  | "no-frames"
  | "not-finite"
  | "too-loud"
  | "too-long"
  | "needs-ffmpeg"
  | "stalled";

const problems: ReadonlySet<unknown> = new Set<AudioProblem>([
  "missing",
  "empty",
  "not-audio",
  "unsupported",
  "truncated",
  "damaged",
  "no-frames",
  "not-finite",
  "too-loud",
  "too-long",
  "needs-ffmpeg",
  "stalled",
]);

/** An ERR_FILE whose message is one line: the file, what is wrong, how to mend it. */
export function audioRefusal(problem: AudioProblem, path: string, what: string): AceError {
  return new AceError("ERR_FILE", `${path}: ${what}`, { cause: problem });
}

/** The problem behind a refusal made by {@link audioRefusal}; undefined for any other error. */
export function audioProblemOf(error: unknown): AudioProblem | undefined {
  if (!(error instanceof AceError)) return undefined;
  return problems.has(error.cause) ? (error.cause as AudioProblem) : undefined;
}
