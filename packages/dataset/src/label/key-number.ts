import { normaliseKey } from "../dataset-file/key-name.js";

const semitones: Readonly<Record<string, number>> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };

/** One number for every key however it is spelled (C# minor and Db minor are the same); the text itself for what is none. */
export function keyNumber(text: string): number | string {
  const [, note = "", sign = "", mode] = /^([A-G])([#b]?) (major|minor)$/.exec(normaliseKey(text)) ?? [];
  const semitone = semitones[note];
  if (semitone === undefined) return text.trim().toLowerCase();
  const shifted = (semitone + (sign === "#" ? 1 : sign === "b" ? 11 : 0)) % 12;
  return mode === "minor" ? shifted + 12 : shifted;
}
