import { cleanDatasetLyrics, cleanLyricsFiles } from "@acewright/dataset";
import { basename, relative, resolve } from "node:path";
import type { Command } from "commander";
import { leafCommand, outputOf, type Context } from "../../command.js";
import { gather } from "../../gather.js";
import { renderTable } from "../../render/table.js";
import { finishChange, openDataset, type ChangeOptions } from "./dataset-change.js";

/** `dataset clean-lyrics`: lyrics without LRC stamps, in files or in a dataset. */
export function cleanLyricsCommand(context: Context): Command {
  const command = leafCommand({
    name: "clean-lyrics",
    summary: "take LRC time stamps and tags out of lyrics, keep the times beside them",
    examples: [
      "dataset clean-lyrics songs --dry-run",
      "dataset clean-lyrics songs",
      "dataset clean-lyrics songs/bells.lrc",
      "dataset clean-lyrics dataset.json",
    ],
    notes:
      "In a folder song.lyrics.txt and song.txt are rewritten, and what they held is kept as song.lrc (as .bak where there is\n" +
      "one); a song.lrc without lyrics beside it gets its song.lyrics.txt. In a dataset the times go to acewright.lyric_lines.",
  })
    .argument("<path>", "folder of songs, a lyrics file, or dataset.json")
    .option("-n, --dry-run", "show what would change, write nothing")
    .option("--allow-root <dir>", "folder that relative paths with .. may lead into (repeatable)", gather);
  return command.action(async (path: string, options: ChangeOptions) => {
    const output = outputOf(command, context);
    if (/\.json$/i.test(path)) {
      finishChange(path, cleanDatasetLyrics(await openDataset(path, options, output)), options, output);
      return;
    }
    const folder = resolve(path);
    const bar = output.progress("clean lyrics", "file");
    const report = await cleanLyricsFiles(folder, {
      dryRun: options.dryRun ?? false,
      signal: context.signal,
      onProgress: ({ done, total, path: file }) => {
        bar.update(done, total, basename(file));
      },
    }).finally(() => {
      bar.clear();
    });
    for (const line of report.warnings) output.warn(line);
    const { files, cleaned } = report;
    output.result({ ...report, written: options.dryRun !== true }, () => {
      const rows = cleaned.map(({ path: file, timing, lines }) => [
        output.path(file),
        relative(resolve(file, ".."), timing),
        String(lines),
      ]);
      const columns = [
        { title: "lyrics" },
        { title: "times in" },
        { title: "lines", align: "right" as const },
      ];
      const table = rows.length === 0 ? "" : `${renderTable(columns, rows)}\n\n`;
      const rehearsal = options.dryRun === true ? "; nothing written (--dry-run)" : "";
      return `${table}${cleaned.length} of ${files} files had stamps${rehearsal}`;
    });
  });
}
