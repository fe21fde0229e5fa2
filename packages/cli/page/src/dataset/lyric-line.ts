import type { LyricLine } from "@acewright/dataset";

/** The line that is sung at a moment: the last that has begun, unless it has ended. */
export function lineAt(lines: readonly LyricLine[], seconds: number): number | undefined {
  const index = lines.findLastIndex(({ start_s: start }) => start <= seconds);
  const line = lines[index];
  if (line === undefined || (line.end_s !== undefined && line.end_s <= seconds)) return undefined;
  return index;
}
