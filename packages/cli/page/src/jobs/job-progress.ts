/** How far a job is, by what it has told. */
export interface JobProgress {
  /** What is at work now: "check", "audio to latents". */
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** 0 to 1. */
  readonly share: number;
  /** The song in hand. */
  readonly remark: string;
  /** Seconds. */
  readonly left: number | undefined;
}

/** The newest bar among some output, else what was known before. */
export function progressIn(
  output: readonly unknown[],
  before: JobProgress | undefined,
): JobProgress | undefined {
  const bar = output.findLast(isBar);
  return bar === undefined ? before : { ...bar, left: bar.left };
}

function isBar(value: unknown): value is JobProgress & { type: "bar" } {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    value.type === "bar" &&
    "share" in value &&
    typeof value.share === "number"
  );
}
