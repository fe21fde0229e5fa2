/** A path as one word of a command line to copy: in quotes where a space or the like would split it. */
export function shellWord(path: string): string {
  return /^[\w./\\:-]+$/.test(path) ? path : `"${path}"`;
}
