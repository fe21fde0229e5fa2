import type { LyricLine } from "../../lyrics/lrc.js";

/** Lines without a mark of their end are taken to last at most so long. */
const longestLineS = 6;
/** Fewer matching lines mean that the stamps belong to other words. */
const leastMatched = 0.5;

interface PlacedLine {
  readonly text: string;
  readonly isSung: boolean;
  /** Time in whose chunk the line belongs: the middle of what is sung; of a tag, that of the line after it. */
  atS: number | undefined;
}

/**
 * The lyrics sung from `startS` to `endS`: each line goes where the greater part of it is sung. Structure tags go with the line
 * after them, and a chunk that begins inside a section repeats the section's tag. `[Instrumental]` where nobody sings.
 *
 * @param lines stamps of the same lyrics (`acewright.lyric_lines`)
 * @returns undefined when the stamps do not belong to these lyrics, so that nobody can say what is sung when.
 */
export function cutLyrics(
  lyrics: string,
  lines: readonly LyricLine[],
  startS: number,
  endS: number,
): string | undefined {
  const placed = placeLines(lyrics, lines);
  if (placed === undefined) return undefined;
  const kept = placed.filter(({ atS = Infinity }) => atS >= startS && atS < endS);
  if (!kept.some(({ isSung }) => isSung)) return "[Instrumental]";
  const texts = kept.map(({ text }) => text);
  const firstSung = kept.findIndex(({ isSung }) => isSung);
  if (!kept.slice(0, firstSung).some(({ text }) => isTag(text))) {
    const before = placed.slice(0, placed.indexOf(kept[0] as PlacedLine));
    const section = before.filter(({ text }) => isTag(text)).at(-1);
    if (section !== undefined) texts.unshift(section.text);
  }
  return texts
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

function placeLines(lyrics: string, lines: readonly LyricLine[]): PlacedLine[] | undefined {
  const stamped = [...lines].sort((a, b) => a.start_s - b.start_s);
  let next = 0;
  let [sung, matched] = [0, 0];
  const placed = lyrics.split("\n").map((line): PlacedLine => {
    const text = line.trim();
    const isSung = text !== "" && !isTag(text);
    if (!isSung) return { text, isSung, atS: undefined };
    sung++;
    const found = stamped.findIndex((stamp, index) => index >= next && sameWords(stamp.text, text));
    if (found === -1) return { text, isSung, atS: undefined };
    matched++;
    next = found + 1;
    return { text, isSung, atS: middleOf(stamped, found) };
  });
  if (sung === 0 || matched < leastMatched * sung) return undefined;
  // A line without a stamp is sung with the one before it; what is no line stands before the next one.
  let last: number | undefined;
  for (const line of placed) {
    if (line.isSung) line.atS ??= last;
    last = line.atS ?? last;
  }
  let following = last;
  for (const line of [...placed].reverse()) {
    line.atS ??= following;
    following = line.atS;
  }
  return placed;
}

function middleOf(stamped: readonly LyricLine[], index: number): number {
  const { start_s: start, end_s: end } = stamped[index] as LyricLine;
  const next = stamped[index + 1]?.start_s ?? Infinity;
  return (start + Math.min(end ?? Infinity, next, start + longestLineS)) / 2;
}

function isTag(text: string): boolean {
  return /^\[.*\]$/.test(text);
}

/** Equal but for case, blanks and punctuation. */
function sameWords(a: string, b: string): boolean {
  const words = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
  return words(a) === words(b);
}
