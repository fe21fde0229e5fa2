import type { Change } from "@acewright/dataset";
import type { Output } from "../output.js";
import { fitWidth } from "./text-width.js";

/** More lines than a person reads of one field, and in all. */
const mostLinesOfField = 16;
const mostLines = 200;

/** What differs, field by field: lines that go with a minus, lines that come with a plus. */
export function changeLines(
  changes: readonly Change[],
  nameOf: (sample: number) => string,
  output: Output,
): string[] {
  const { colors, terminal } = output;
  const paint = { "-": colors.red, "+": colors.green, " ": colors.dim };
  const lines = changes.flatMap(({ sample, key, before, after }) => {
    const title = colors.bold(`${sample === undefined ? "(dataset)" : nameOf(sample)} ${key}`);
    const diff = lineDiff(textLines(before), textLines(after));
    const shown = diff
      .slice(0, mostLinesOfField)
      .map(({ sign, line }) => paint[sign](fitWidth(`${sign} ${line}`, Math.max(20, terminal.columns - 1))));
    const more =
      diff.length > shown.length ? [colors.dim(`  … and ${diff.length - shown.length} more lines`)] : [];
    return [title, ...shown, ...more];
  });
  if (lines.length <= mostLines) return lines;
  return [...lines.slice(0, mostLines), `… and ${lines.length - mostLines} more lines; --json lists all`];
}

function textLines(value: unknown): string[] {
  const text =
    typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
  return text === "" ? [] : text.split("\n");
}

export interface DiffLine {
  sign: "-" | "+" | " ";
  line: string;
}

/** The shortest edit from one list of lines to another (longest common subsequence). */
export function lineDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  const width = after.length + 1;
  // common[i * width + j]: lines that before from i on and after from j on have in common.
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] =
        before[i] === after[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const diff: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, now] = [before[i], after[j]];
    if (old !== undefined && old === now) {
      diff.push({ sign: " ", line: old });
      i++;
      j++;
    } else if (
      old !== undefined &&
      (now === undefined || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      diff.push({ sign: "-", line: old });
      i++;
    } else {
      diff.push({ sign: "+", line: now ?? "" });
      j++;
    }
  }
  return diff;
}
