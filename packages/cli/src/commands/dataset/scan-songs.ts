import { AceError } from "@acewright/core-native";
import { scanFolder } from "@acewright/dataset";
import type { MatchReport, ScanOptions } from "@acewright/dataset";
import { formatCounted } from "../../render/units.js";
import { basename, relative } from "node:path";
import type { Output } from "../../output.js";

/**
 * Scans a folder with a bar, and says what was skipped.
 *
 * @throws {AceError} ERR_FILE when not one song could be read
 */
export async function scan(
  folder: string,
  options: ScanOptions,
  output: Output,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof scanFolder>>> {
  const bar = output.progress("scan", "song");
  const scanned = await scanFolder(folder, {
    ...options,
    signal,
    onProgress: ({ done, total, path }) => {
      bar.update(done, total, basename(path));
    },
  }).finally(() => {
    bar.clear();
  });
  const { dataset, report } = scanned;
  bar.finish(formatCounted(dataset.samples.length, "song"));
  for (const { path, reason } of report.skipped)
    output.warn(`${relative(folder, path)} is skipped: ${reason}`);
  for (const line of report.warnings) output.warn(line);
  for (const line of matchLines(report.csv, folder)) output.warn(line);
  if (dataset.samples.length > 0) return scanned;
  const [first] = report.skipped;
  const why = first === undefined ? "" : `; ${basename(first.path)}: ${first.reason}`;
  throw new AceError(
    "ERR_FILE",
    `${folder}: none of ${formatCounted(report.files, "song")} can be read${why}`,
  );
}

/** More lines of one kind hide the others. */
const mostLines = 10;

/** Which rows of the tables have no song, and which songs no row. */
function matchLines({ unmatchedRows, unmatchedSongs, matchedSongs }: MatchReport, folder: string): string[] {
  const rows = unmatchedRows.map(({ table, line, file, similar }) => {
    const guess = similar === undefined ? "" : `; did you mean ${basename(similar)}?`;
    return `${relative(folder, table)} line ${line}: ${file} names no song${guess}`;
  });
  const all = unmatchedSongs.length + matchedSongs;
  const songs = unmatchedSongs.map((path) => `${relative(folder, path)} has no row in the table`);
  const some = (lines: string[], what: string): string[] =>
    lines.length <= mostLines
      ? lines
      : [...lines.slice(0, mostLines), `and ${lines.length - mostLines} more ${what}; --json lists all`];
  return [
    ...some(rows, "rows without a song"),
    ...some(songs, "songs without a row"),
    ...(songs.length > 0 ? [`${matchedSongs} of ${all} songs have a row`] : []),
  ];
}
