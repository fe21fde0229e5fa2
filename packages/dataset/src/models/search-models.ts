/** Below this two names have too little in common to be meant. */
const leastAlike = 0.4;

/**
 * The names a word may mean, best first: those that hold it, else those that are alike (the share of common pairs of
 * letters, Dice).
 */
export function searchNames(word: string, names: readonly string[]): string[] {
  const wanted = word.toLowerCase();
  const holding = names.filter((name) => name.toLowerCase().includes(wanted));
  if (holding.length > 0) return holding.sort((a, b) => a.length - b.length);
  return names
    .map((name) => ({ name, alike: alikeness(wanted, name.toLowerCase()) }))
    .filter(({ alike }) => alike >= leastAlike)
    .sort((a, b) => b.alike - a.alike)
    .map(({ name }) => name);
}

function alikeness(a: string, b: string): number {
  const [first, second] = [pairs(a), pairs(b)];
  const rest = [...second];
  let common = 0;
  for (const pair of first) {
    const at = rest.indexOf(pair);
    if (at === -1) continue;
    rest.splice(at, 1);
    common += 1;
  }
  const total = first.length + second.length;
  return total === 0 ? 0 : (2 * common) / total;
}

const pairs = (text: string): string[] =>
  Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => text.slice(i, i + 2));
