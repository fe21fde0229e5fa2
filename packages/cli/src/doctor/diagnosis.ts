/** One thing looked at. */
export interface Diagnosis {
  readonly name: string;
  /** `note`: works, but something is worth knowing; `problem`: nothing can be trained until it is mended. */
  readonly state: "ok" | "note" | "problem";
  readonly detail: string;
  /** What to do about a note or a problem, in one line. */
  readonly mend?: string;
}
