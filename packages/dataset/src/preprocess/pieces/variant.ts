/** Another take of a song: what is changed of its sound. */
export interface Variant {
  /** Pitch shift; the length stays. */
  readonly semitones: number;
  /** Speed factor, 1.05 is 5 % faster; the pitch stays. */
  readonly tempo: number;
  readonly gainDb: number;
}

/** Widest changes; measured in test/preprocess/pieces/time-stretch.test.ts over the whole of these ranges. */
const ranges = {
  pitch: { least: -6, most: 6, unit: "semitones" },
  tempo: { least: 0.7, most: 1.4, unit: "times the speed" },
  gain: { least: -24, most: 12, unit: "dB" },
} as const;

/** Reads `pitch=2`, `tempo=0.95/gain=-3`; what is wrong with the text when it is no variant. */
export function parseVariant(text: string): Variant | string {
  const values = new Map<string, number>();
  for (const part of text.split("/")) {
    const [, name = "", number = ""] =
      /^\s*([a-z]+)\s*=\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*$/.exec(part) ?? [];
    if (!Object.hasOwn(ranges, name))
      return `${JSON.stringify(text)} is no variant; write pitch=SEMITONES, tempo=FACTOR or gain=DB, joined by /`;
    const { least, most, unit } = ranges[name as keyof typeof ranges];
    const value = Number(number);
    if (value < least || value > most)
      return `${JSON.stringify(text)}: ${name} must be ${least} to ${most} ${unit}`;
    if (values.has(name)) return `${JSON.stringify(text)}: ${name} stands twice`;
    values.set(name, value);
  }
  const variant = {
    semitones: values.get("pitch") ?? 0,
    tempo: values.get("tempo") ?? 1,
    gainDb: values.get("gain") ?? 0,
  };
  if (variantName(variant) === "") return `${JSON.stringify(text)} changes nothing`;
  return variant;
}

/** Name in file names, manifest and metadata: `pitch2_tempo0.95_gain-3`; equal variants have one name. */
export function variantName({ semitones, tempo, gainDb }: Variant): string {
  return [
    ...(semitones === 0 ? [] : [`pitch${semitones}`]),
    ...(tempo === 1 ? [] : [`tempo${tempo}`]),
    ...(gainDb === 0 ? [] : [`gain${gainDb}`]),
  ].join("_");
}

const majorNotes = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const otherNotes = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"];
const naturals: Readonly<Record<string, number>> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };

/**
 * A key such as "C# minor" shifted by semitones, spelled with few accidentals. Empty (not available) where the key is
 * not known by its note, or the shift ends between two notes: a prompt must not claim a key the sound does not have.
 */
export function transposeKey(key: string, semitones: number): string {
  if (semitones === 0) return key;
  const [, note = "", accidental = "", mode = ""] = /^([A-G])([#b♯♭]?)(\s.*)$/.exec(key) ?? [];
  const natural = naturals[note];
  if (natural === undefined || !Number.isInteger(semitones)) return "";
  const sign = accidental === "" ? 0 : /[#♯]/.test(accidental) ? 1 : -1;
  const names = mode.trim() === "major" ? majorNotes : otherNotes;
  return `${names[(natural + sign + semitones + 36) % 12] ?? ""}${mode}`;
}

/** Tempo and key of a take, as the prompt may honestly say them; the model knows whole beats per minute only. */
export function variantMetas(
  metas: { readonly bpm: number | null; readonly keyscale: string },
  { semitones, tempo }: Variant,
): { bpm: number | null; keyscale: string } {
  return {
    bpm: metas.bpm === null || tempo === 1 ? metas.bpm : Math.round(metas.bpm * tempo),
    keyscale: transposeKey(metas.keyscale, semitones),
  };
}

/** What a caption says that a take no longer keeps; undefined when it says nothing of the kind. */
export function captionContradiction(caption: string, { semitones, tempo }: Variant): string | undefined {
  if (tempo !== 1 && /\b\d{2,3}\s*bpm\b/i.test(caption)) return "the caption names a tempo in bpm";
  if (semitones !== 0 && /\b[A-G](?:[#♯♭]|b|[- ]?sharp|[- ]?flat)?[- ](?:major|minor)\b/.test(caption))
    return "the caption names a key";
  return undefined;
}
