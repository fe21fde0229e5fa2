import type { Dataset } from "@acewright/dataset";
import type { Output } from "../../output.js";
import { renderTable } from "../../render/table.js";
import { fitWidth } from "../../render/text-width.js";
import { formatClock } from "../../render/units.js";

/**
 * What is known of each song.
 *
 * @param places index of each song in the dataset it was picked from, where it is not its own
 */
export function songTable({ samples }: Dataset, output: Output, places?: readonly number[]): string {
  const widest = Math.max(16, Math.floor((output.terminal.columns - 40) / 2));
  const rows = samples.map((sample, i) => [
    String((places?.[i] ?? i) + 1),
    fitWidth(sample.filename, widest),
    formatClock(sample.duration),
    sample.is_instrumental ? "" : "yes",
    sample.bpm === null ? "" : String(sample.bpm),
    sample.keyscale,
    fitWidth(sample.caption.replaceAll("\n", " "), widest),
  ]);
  const titles = ["#", "song", "length", "lyrics", "bpm", "key", "caption"];
  const right = new Set(["#", "length", "bpm"]);
  const columns = titles.map((title) => ({
    title,
    align: right.has(title) ? ("right" as const) : ("left" as const),
    wraps: title === "song" || title === "caption",
  }));
  return renderTable(columns, rows, output.cells);
}
