/** One word as a speech model heard it. Times are seconds from the beginning of the song. */
export interface HeardWord {
  text: string;
  start_s: number;
  end_s: number;
  /** 0 to 1; undefined where the provider does not say. */
  confidence?: number | undefined;
}
