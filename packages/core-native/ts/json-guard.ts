/**
 * Looks at JSON text before it is parsed, and says what `JSON.parse` would let pass: nesting deep enough to exhaust
 * memory, and a key written twice in one object (the last one would silently win). Undefined when nothing is found;
 * other mistakes of syntax are left to `JSON.parse`.
 */
export function jsonProblem(text: string, maxDepth: number): string | undefined {
  // One entry per open bracket: the keys met so far, or undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (open.length === maxDepth) return `nested deeper than ${maxDepth} levels at character ${at}`;
      open.push(character === "{" ? new Set() : undefined);
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (end === -1) return `a string is not closed (opened at character ${at})`;
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end + 1)) {
        const key = unescaped(text.slice(at, end + 1));
        if (keys.has(key)) return `the key ${JSON.stringify(key)} stands twice`;
        keys.add(key);
      }
      at = end;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function isKey(text: string, from: number): boolean {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}

/** Two spellings of one key (`"a"`, `"\u0061"`) are the same key; a bad escape stays for `JSON.parse` to refuse. */
function unescaped(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}
