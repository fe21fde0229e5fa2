import { DatasetMetadata, saveDataset } from "@acewright/dataset";
import type { ScanOptions } from "@acewright/dataset";
import { Command, InvalidArgumentError } from "commander";
import { resolve } from "node:path";
import { refuseMissingFolder } from "@acewright/core-native";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import { captionCommand } from "./dataset/caption.js";
import { analyzeCommand } from "./dataset/analyze.js";
import { checkCommand } from "./dataset/check.js";
import { cleanLyricsCommand } from "./dataset/clean-lyrics.js";
import { labelCommand } from "./dataset/label.js";
import { mixCommand } from "./dataset/mix.js";
import { scan } from "./dataset/scan-songs.js";
import { setCommand } from "./dataset/set.js";
import { showCommand } from "./dataset/show.js";
import { songTable } from "./dataset/song-table.js";
import { tagsCommand } from "./dataset/tags.js";
import { transcribeCommand } from "./dataset/transcribe.js";
import { undoCommand } from "./dataset/undo.js";

export function datasetCommand(context: Context): Command {
  return new Command("dataset")
    .description("dataset.json: make it from a folder of songs, look at it, change it, check it")
    .addCommand(scanCommand(context))
    .addCommand(showCommand(context))
    .addCommand(setCommand(context))
    .addCommand(tagsCommand(context))
    .addCommand(mixCommand(context))
    .addCommand(undoCommand(context))
    .addCommand(analyzeCommand(context))
    .addCommand(labelCommand(context))
    .addCommand(cleanLyricsCommand(context))
    .addCommand(transcribeCommand(context))
    .addCommand(captionCommand(context))
    .addCommand(checkCommand(context));
}

/** What of a dataset's metadata can be said while scanning. */
export const ScanSettings = DatasetMetadata.pick({
  name: true,
  custom_tag: true,
  tag_position: true,
  all_instrumental: true,
  genre_ratio: true,
});

function scanCommand(context: Context): Command {
  const command = leafCommand({
    name: "scan",
    summary: "find songs with their captions, lyrics and metadata, write dataset.json",
    examples: [
      "dataset scan songs",
      'dataset scan songs -o dataset.json --custom-tag "my style"',
      "dataset scan songs --folder-repeats drums=3,vocals/solo=2 --no-tags",
    ],
    notes:
      "Beside song.wav are read: song.lyrics.txt, song.txt or song.lrc, song.caption.txt, song.json (caption, bpm, keyscale,\n" +
      "timesignature, language), in the top folder the table of a key and BPM finder (*.csv), and the tags inside the song.",
  })
    .argument("<dir>", "folder with songs; folders inside are searched too")
    .option("-o, --output <file>", "file to write", "dataset.json")
    .option("--no-tags", "do not read the tags inside the songs")
    .option("--keep-stamps", "leave LRC stamps in lyrics, as the official trainer does")
    .option(
      "--folder-repeats <folder=n,...>",
      "how often songs under a folder stand in an epoch",
      folderRepeats,
    );
  interface Options extends Pick<ScanOptions, "tags" | "keepStamps" | "folderRepeats"> {
    output: string;
  }
  return optionsFromSchema(command, ScanSettings).action(async (dir: string, options: Options) => {
    const output = outputOf(command, context);
    const { tags = true, keepStamps = false, folderRepeats: repeats } = options;
    const reading = { tags, keepStamps, ...(repeats === undefined ? {} : { folderRepeats: repeats }) };
    // Reading a large folder takes minutes: a place that cannot be written to is told before, not after.
    refuseMissingFolder(resolve(options.output));
    const scanned = await scan(resolve(dir), { ...scanOptions(command), ...reading }, output, context.signal);
    const path = saveDataset(resolve(options.output), scanned.dataset);
    output.result(
      { path, ...scanned },
      () => `${songTable(scanned.dataset, output)}\n\nwritten: ${options.output}`,
    );
  });
}

function folderRepeats(text: string, before: Record<string, number> = {}): Record<string, number> {
  const pairs = text.split(",").map((pair): [string, number] => {
    const at = pair.lastIndexOf("=");
    const count = Number(pair.slice(at + 1));
    if (at > 0 && Number.isInteger(count)) return [pair.slice(0, at).trim(), count];
    throw new InvalidArgumentError(`--folder-repeats takes FOLDER=COUNT pairs, got ${JSON.stringify(pair)}.`);
  });
  return { ...before, ...Object.fromEntries(pairs) };
}

function scanOptions(command: Command): ScanOptions {
  const words = givenOptions(command, ScanSettings);
  const parsed = ScanSettings.partial().parse(words);
  // The schema fills in what a file without the key means; a scan without the flag leaves it to the sidecars.
  const given: Partial<typeof parsed> = Object.fromEntries(
    Object.entries(parsed).filter(([key]) => key in words),
  );
  return {
    ...(given.name === undefined ? {} : { name: given.name }),
    ...(given.custom_tag === undefined ? {} : { customTag: given.custom_tag }),
    ...(given.tag_position === undefined ? {} : { tagPosition: given.tag_position }),
    ...(given.all_instrumental === undefined ? {} : { allInstrumental: given.all_instrumental }),
    ...(given.genre_ratio === undefined ? {} : { genreRatio: given.genre_ratio }),
  };
}
