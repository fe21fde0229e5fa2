/** How far two texts of lyrics differ in their words. */
export interface ChangedWords {
  readonly dropped: number;
  readonly added: number;
  /** Words of the first text. */
  readonly words: number;
}

/** Longer lyrics are compared by their counts of words alone: the table of all pairs would not fit. */
const mostWords = 4000;

/**
 * Words that one text has and the other does not, in order, without structure tags, case and punctuation. A Chinese or
 * Japanese character counts as a word.
 */
export function changedWords(before: string, after: string): ChangedWords {
  const [a, b] = [words(before), words(after)];
  const kept = a.length > mostWords || b.length > mostWords ? keptInAnyOrder(a, b) : keptInOrder(a, b);
  return { dropped: a.length - kept, added: b.length - kept, words: a.length };
}

/** Whether lyrics have tags such as [Verse]. */
export function hasStructure(lyrics: string): boolean {
  return /^\s*\[[^\]\n]+\]\s*$/m.test(lyrics);
}

function words(lyrics: string): string[] {
  const sung = lyrics.replace(/^\s*\[[^\]\n]*\]\s*$/gm, "").toLowerCase();
  return sung.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** Length of the longest common subsequence, one row of its table at a time. */
function keptInOrder(a: readonly string[], b: readonly string[]): number {
  let row = new Uint16Array(b.length + 1);
  for (const word of a) {
    const next = new Uint16Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      const skipped = Math.max(row[j + 1] as number, next[j] as number);
      next[j + 1] = word === b[j] ? (row[j] as number) + 1 : skipped;
    }
    row = next;
  }
  return row[b.length] as number;
}

function keptInAnyOrder(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const word of a) counts.set(word, (counts.get(word) ?? 0) + 1);
  let kept = 0;
  for (const word of b) {
    const left = counts.get(word) ?? 0;
    if (left > 0) kept++;
    counts.set(word, left - 1);
  }
  return kept;
}
