import { filterSamples, mixDatasets, saveDataset } from "@acewright/dataset";
import type { Dataset } from "@acewright/dataset";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { leafCommand, outputOf, type Context } from "../../command.js";
import { gather } from "../../gather.js";
import { openDataset, takesDataset, whereHelp, whereNotes, type FileOptions } from "./dataset-change.js";
import { songTable } from "./song-table.js";

interface ShowOptions extends FileOptions {
  where?: string[];
  output?: string;
}

/** `dataset show`: the songs a filter picks, as a table or as a dataset of their own. */
export function showCommand(context: Context): Command {
  const command = takesDataset(
    leafCommand({
      name: "show",
      summary: "list the songs of a dataset that meet a filter, or write them to a dataset of their own",
      examples: [
        "dataset show dataset.json",
        'dataset show dataset.json --where "!caption" --where "bpm>=120"',
        'dataset show dataset.json --where "folder=bells" -o bells.json',
      ],
      notes: whereNotes,
    }),
  )
    .option("-w, --where <filter>", whereHelp, gather)
    .option("-o, --output <file>", "write the songs to this file");
  return command.action(async (file: string, options: ShowOptions) => {
    const output = outputOf(command, context);
    const dataset = await openDataset(file, options, output);
    const picked = filterSamples(dataset, options.where ?? []);
    const samples = picked.flatMap((index) => dataset.samples[index] ?? []);
    const shown = { ...dataset, metadata: { ...dataset.metadata, num_samples: samples.length }, samples };
    const path = options.output === undefined ? undefined : writePart(shown, file, options.output);
    output.result(
      { ...(path === undefined ? {} : { path }), dataset: shown, numbers: picked.map((i) => i + 1) },
      () => {
        const written = path === undefined ? "" : `\nwritten: ${output.path(path)}`;
        const of = `${samples.length} of ${dataset.samples.length} songs`;
        return `${songTable(shown, output, picked)}\n\n${of}${written}`;
      },
    );
  });
}

/** Relative paths are written for the new file's folder. */
function writePart(part: Dataset, file: string, target: string): string {
  const folder = dirname(resolve(target));
  const { dataset } = mixDatasets([{ dataset: part, folder: dirname(resolve(file)) }], { folder });
  return saveDataset(resolve(target), dataset);
}
