/** Values the official trainer and its language model know, for validation and for constrained decoding. */
export const ranges = {
  /** Beats per minute. */
  bpm: { min: 30, max: 300 },
  /** Seconds. */
  duration: { min: 10, max: 600 },
} as const;

/** Beats of a bar. */
export const timeSignatures = ["2", "3", "4", "6"] as const;

/** Seven notes, five spellings of their accidental, two modes. */
export const keyScales: readonly string[] = ["A", "B", "C", "D", "E", "F", "G"].flatMap((note) =>
  ["", "#", "b", "♯", "♭"].flatMap((accidental) =>
    ["major", "minor"].map((mode) => `${note}${accidental} ${mode}`),
  ),
);

/** Codes of ISO 639, and `unknown`. */
export const languages: readonly string[] = (
  "ar az bg bn ca cs da de el en es fa fi fr he hi hr ht hu id is it ja ko la lt ms ne nl no pa pl pt ro ru sa sk sr " +
  "sv sw ta te th tl tr uk ur vi yue zh unknown"
).split(" ");
