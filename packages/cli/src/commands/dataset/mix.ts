import { DatasetMetadata, mixDatasets, saveDataset } from "@acewright/dataset";
import type { MixOptions, MixSource } from "@acewright/dataset";
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Option, type Command } from "commander";
import { leafCommand, outputOf, type Context } from "../../command.js";
import { gather } from "../../gather.js";
import { renderTable } from "../../render/table.js";
import { openDataset, type FileOptions } from "./dataset-change.js";

interface Options extends FileOptions, Pick<MixOptions, "name" | "tagPosition" | "balance"> {
  output: string;
}

/** `dataset mix`: several datasets in one, with weights. */
export function mixCommand(context: Context): Command {
  const places = DatasetMetadata.shape.tag_position.unwrap().options;
  const command = leafCommand({
    name: "mix",
    summary: "put several datasets into one, each prompted as before",
    examples: [
      "dataset mix bells.json drums.json -o both.json",
      "dataset mix bells.json:3 drums.json -o both.json",
      "dataset mix style.json:2 voices.json:1 --balance -o both.json",
    ],
    notes:
      "FILE:N repeats the songs of FILE N times in an epoch. With --balance N is its share instead: repeats are chosen so\n" +
      "that sets of different size come as often as their numbers say.",
  })
    .argument("<file[:weight]...>", "datasets to mix")
    .requiredOption("-o, --output <file>", "dataset to write")
    .option("--name <text>", "name of the mixture")
    .option("--balance", "weights are shares of an epoch")
    .addOption(
      new Option("--tag-position <place>", "where trigger words go, where the datasets differ").choices(
        places,
      ),
    )
    .option("--allow-root <dir>", "folder that relative paths with .. may lead into (repeatable)", gather);
  return command.action(async (words: string[], options: Options) => {
    const output = outputOf(command, context);
    const sources: MixSource[] = [];
    for (const word of words) {
      const { file, weight } = weighted(word);
      const dataset = await openDataset(file, options, output);
      sources.push({ dataset, folder: dirname(resolve(file)), weight, name: file });
    }
    const target = resolve(options.output);
    const { name, tagPosition, balance = false } = options;
    const { dataset, shares } = mixDatasets(sources, {
      folder: dirname(target),
      balance,
      ...(name === undefined ? {} : { name }),
      ...(tagPosition === undefined ? {} : { tagPosition }),
    });
    const path = saveDataset(target, dataset);
    const parts = sources.map(({ name: file = "", dataset: part }, i) => ({
      file,
      songs: part.samples.length,
      share: shares[i] ?? 0,
    }));
    output.result({ path, songs: dataset.samples.length, parts }, () => {
      const rows = parts.map(({ file, songs, share }) => [
        file,
        String(songs),
        `${(share * 100).toFixed(1)} %`,
      ]);
      const columns = [
        { title: "dataset" },
        { title: "songs", align: "right" as const },
        { title: "of an epoch", align: "right" as const },
      ];
      return `${renderTable(columns, rows)}\n\nwritten: ${output.path(path)}`;
    });
  });
}

/** `bells.json:2`; a colon may stand in a name too, so a file of the whole name counts first. */
function weighted(word: string): { file: string; weight: number } {
  const [, file, weight] = /^(.+):(\d+(?:\.\d+)?)$/.exec(word) ?? [];
  return file === undefined || existsSync(word)
    ? { file: word, weight: 1 }
    : { file, weight: Number(weight) };
}
