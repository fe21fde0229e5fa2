const majorByCamelot = ["B", "F#", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E"];
const minorByCamelot = ["Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "Db"];
const modes: Readonly<Record<string, "major" | "minor">> = {
  "": "major",
  major: "major",
  maj: "major",
  dur: "major",
  minor: "minor",
  min: "minor",
  mi: "minor",
  moll: "minor",
};

/**
 * A key in the words the model knows: "Am", "A min", "a minor", "8A" (Camelot) and "1m" (Open Key) become "A minor";
 * "F♯maj" becomes "F# major". Anything else, such as "A phrygian", comes back trimmed.
 */
export function normaliseKey(text: string): string {
  const trimmed = text.trim();
  const wheel = /^(1[0-2]|0?[1-9])([ABMDabmd])$/.exec(trimmed);
  if (wheel !== null) return wheelKey(Number(wheel[1]), (wheel[2] ?? "").toUpperCase());
  const parts = /^([A-Ga-g])\s*(#|♯|b|♭|[- ]?sharp|[- ]?flat)?[\s_-]*([A-Za-z]*)$/i.exec(trimmed);
  if (parts === null) return trimmed;
  const [, note = "", accidental = "", mode = ""] = parts;
  // A capital M is major, a small one minor; every other word is the same in any case.
  const known = mode === "m" ? "minor" : mode === "M" ? "major" : modes[mode.toLowerCase()];
  if (known === undefined) return trimmed;
  const sign = /sharp|#|♯/i.test(accidental) ? "#" : accidental === "" ? "" : "b";
  return `${note.toUpperCase()}${sign} ${known}`;
}

/** Camelot's 1 is A-flat minor and B major; Open Key counts from A minor and C major (its 1 is Camelot's 8). */
function wheelKey(number: number, letter: string): string {
  const isOpenKey = letter === "M" || letter === "D";
  const index = (number - 1 + (isOpenKey ? 7 : 0)) % 12;
  const isMinor = letter === "A" || letter === "M";
  return `${(isMinor ? minorByCamelot : majorByCamelot)[index] ?? ""} ${isMinor ? "minor" : "major"}`;
}
