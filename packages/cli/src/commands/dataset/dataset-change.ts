import { loadDataset, saveDataset } from "@acewright/dataset";
import type { Change, Dataset } from "@acewright/dataset";
import type { Command } from "commander";
import { gather } from "../../gather.js";
import type { Output } from "../../output.js";
import { renderTable } from "../../render/table.js";
import { fitWidth } from "../../render/text-width.js";
import { formatCounted } from "../../render/units.js";

/** Options of commands that read a dataset without its audio. */
export interface FileOptions {
  allowRoot?: string[];
}

/** Options of commands that change a dataset. */
export interface ChangeOptions extends FileOptions {
  where?: string[];
  dryRun?: true;
}

export const whereHelp =
  "only songs that meet this (repeatable): bpm>=120, caption~bells, !keyscale, folder=drums, number<=10";

/** Says how a filter is written, for the help of a command that takes some. */
export const whereNotes =
  "A filter is FIELD (has a value), !FIELD (has none), or FIELD, one of = != ~ !~ < <= > >=, and a value; ~ looks for a part\n" +
  "in any case, with * and ? for a whole value. Fields are the keys of a sample, acewright.artist and the like, folder and number.";

/** Gives a command the file and the root folders it may lead into. */
export function takesDataset(command: Command, help = "dataset.json"): Command {
  return command
    .argument("<file>", help)
    .option("--allow-root <dir>", "folder that relative paths with .. may lead into (repeatable)", gather);
}

/** And the filter and the rehearsal that a change has. */
export function takesChange(command: Command, help?: string): Command {
  return takesDataset(command, help)
    .option("-w, --where <filter>", whereHelp, gather)
    .option("-n, --dry-run", "show what would change, write nothing");
}

/** Reads a dataset whose songs need not be there, and says what was mended on the way. */
export async function openDataset(file: string, options: FileOptions, output: Output): Promise<Dataset> {
  const { dataset, warnings } = await loadDataset(file, {
    allowRoots: options.allowRoot ?? [],
    missingAudio: "keep",
  });
  for (const line of warnings) output.warn(line);
  return dataset;
}

/** Shows the changes, and writes the file unless this is a rehearsal. */
export function finishChange(
  file: string,
  edited: { dataset: Dataset; changes: readonly Change[]; selected?: readonly number[] },
  { dryRun = false }: { dryRun?: boolean },
  output: Output,
): void {
  const { dataset, changes, selected } = edited;
  const writes = changes.length > 0 && !dryRun;
  if (writes) saveDataset(file, dataset);
  const songs = new Set(changes.flatMap(({ sample }) => (sample === undefined ? [] : [sample]))).size;
  output.result({ path: file, written: writes, songs, selected: selected?.length, changes }, () => {
    if (changes.length === 0)
      return `nothing changes${selected?.length === 0 ? ": no song meets the filter" : ""}`;
    const done = writes
      ? `written: ${output.path(file)}; acewright dataset undo ${output.path(file)} takes it back`
      : "nothing written (--dry-run)";
    return `${changeTable(dataset, changes, output)}\n\n${formatCounted(changes.length, "change")}${songs === 0 ? "" : ` in ${formatCounted(songs, "song")}`}; ${done}`;
  });
}

/** More rows than a person reads. */
const mostRows = 40;

export function changeTable({ samples }: Dataset, changes: readonly Change[], output: Output): string {
  const widest = Math.max(12, Math.floor((output.terminal.columns - 24) / 3));
  const shown = (value: unknown): string => {
    const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
    return fitWidth(text.replace(/\s*\n\s*/g, " / "), widest);
  };
  const rows = changes.slice(0, mostRows).map(({ sample, key, before, after }) => {
    const song = sample === undefined ? "(dataset)" : (samples[sample]?.filename ?? "");
    return [fitWidth(song, widest), key, shown(before), shown(after)];
  });
  const table = renderTable(
    ["song", "field", "before", "after"].map((title) => ({ title })),
    rows,
  );
  return changes.length > mostRows
    ? `${table}\n… and ${changes.length - mostRows} more; --json lists all`
    : table;
}
