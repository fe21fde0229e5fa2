import { basename, dirname, relative, resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import {
  checkDataset,
  DatasetMetadata,
  loadDataset,
  PromptTokenizer,
  resolveModelFolders,
  saveDataset,
  scanFolder,
} from "@acewright/dataset";
import type { CheckOptions, Dataset, Finding, ScanOptions } from "@acewright/dataset";
import { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import { fitWidth, renderTable } from "../render/table.js";
import { formatClock } from "../render/units.js";

export function datasetCommand(context: Context): Command {
  return new Command("dataset")
    .description("dataset.json: make it from a folder of songs, check it")
    .addCommand(scanCommand(context))
    .addCommand(checkCommand(context));
}

/** What of a dataset's metadata can be said while scanning. */
const ScanSettings = DatasetMetadata.pick({
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
    examples: ["dataset scan songs", 'dataset scan songs -o dataset.json --custom-tag "my style"'],
    notes:
      "Beside song.wav are read: song.lyrics.txt or song.txt, song.caption.txt, song.json (caption, bpm, keyscale,\n" +
      "timesignature, language), and in the top folder the table of a key and BPM finder (*.csv).",
  })
    .argument("<dir>", "folder with songs; folders inside are searched too")
    .option("-o, --output <file>", "file to write", "dataset.json");
  return optionsFromSchema(command, ScanSettings).action(async (dir: string, options: { output: string }) => {
    const output = outputOf(command, context);
    const scanned = await scan(resolve(dir), scanOptions(command), output, context.signal);
    const path = saveDataset(resolve(options.output), scanned.dataset);
    output.result(
      { path, ...scanned },
      () => `${songTable(scanned.dataset, output)}\n\nwritten: ${options.output}`,
    );
  });
}

function scanOptions(command: Command): ScanOptions {
  const given = ScanSettings.partial().parse(givenOptions(command, ScanSettings));
  return {
    ...(given.name === undefined ? {} : { name: given.name }),
    ...(given.custom_tag === undefined ? {} : { customTag: given.custom_tag }),
    ...(given.tag_position === undefined ? {} : { tagPosition: given.tag_position }),
    ...(given.all_instrumental === undefined ? {} : { allInstrumental: given.all_instrumental }),
    ...(given.genre_ratio === undefined ? {} : { genreRatio: given.genre_ratio }),
  };
}

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
  bar.finish(`${dataset.samples.length} songs`);
  for (const { path, reason } of report.skipped)
    output.warn(`${relative(folder, path)} is skipped: ${reason}`);
  for (const line of report.warnings) output.warn(line);
  for (const row of report.csv.unmatchedRows) output.warn(`the table's row ${row} names no song`);
  if (dataset.samples.length > 0) return scanned;
  const [first] = report.skipped;
  const why = first === undefined ? "" : `; ${basename(first.path)}: ${first.reason}`;
  throw new AceError("ERR_FILE", `${folder}: none of ${report.files} songs can be read${why}`);
}

/** What was found of each song. */
export function songTable({ samples }: Dataset, output: Output): string {
  const widest = Math.max(16, Math.floor((output.terminal.columns - 40) / 2));
  const rows = samples.map((sample, i) => [
    String(i + 1),
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
  }));
  return renderTable(columns, rows);
}

function checkCommand(context: Context): Command {
  const command = leafCommand({
    name: "check",
    summary: "look for everything in a dataset that would fail or spoil a training run",
    examples: [
      "dataset check dataset.json",
      "dataset check dataset.json --model checkpoints",
      "dataset check dataset.json --no-decode --json",
    ],
    notes: "Ends with exit code 2 when a song cannot be used; warnings alone end with 0.",
  })
    .argument("<file>", "dataset.json")
    .option("--allow-root <dir>", "folder that relative paths with .. may lead into (repeatable)", gather)
    .option(
      "-m, --model <dir>",
      "checkpoint whose tokenizer counts captions and lyrics; without it lengths are not checked",
    )
    .option("--no-decode", "check texts, paths and duplicates only; do not decode the songs");
  return command.action(
    async (file: string, options: { allowRoot?: string[]; decode: boolean; model?: string }) => {
      const output = outputOf(command, context);
      const allowRoots = options.allowRoot ?? [];
      const { dataset, warnings } = await loadDataset(file, { allowRoots, missingAudio: "keep" });
      for (const line of warnings) output.warn(line);
      const findings = await check(
        dataset,
        file,
        { allowRoots, decode: options.decode, ...tokenCounter(options.model) },
        output,
        context.signal,
      );
      const errors = findings.filter(({ severity }) => severity === "error").length;
      output.result({ ok: errors === 0, findings }, () => findingLines(findings, dataset, output));
      if (errors > 0)
        throw new AceError("ERR_FILE", `${file}: ${errors} findings must be mended before training`);
    },
  );
}

/** Collects a repeated option. */
export function gather(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Counts as the model does; nothing where there is no model to ask. */
export function tokenCounter(model: string | undefined): Pick<CheckOptions, "countTokens"> {
  if (model === undefined) return {};
  const tokenizer = PromptTokenizer.open(resolveModelFolders(resolve(model)).textEncoder);
  return { countTokens: (text) => tokenizer.encode(text).ids.length };
}

/** Checks a dataset with a bar. */
export async function check(
  dataset: Dataset,
  file: string,
  options: Pick<CheckOptions, "allowRoots" | "decode" | "countTokens">,
  output: Output,
  signal: AbortSignal,
): Promise<Finding[]> {
  const bar = output.progress("check", "song");
  const findings = await checkDataset(dataset, {
    ...options,
    folder: dirname(resolve(file)),
    signal,
    onProgress: ({ done, total, path }) => {
      bar.update(done, total, basename(path));
    },
  }).finally(() => {
    bar.clear();
  });
  bar.finish(findings.length === 0 ? "nothing found" : `${findings.length} findings`);
  return findings;
}

/** The findings, worst first, each with how to mend it. */
export function findingLines(findings: readonly Finding[], dataset: Dataset, output: Output): string {
  const order = { error: 0, warning: 1, info: 2 };
  const paint = { error: output.colors.red, warning: output.colors.yellow, info: output.colors.dim };
  const sorted = [...findings].sort((a, b) => order[a.severity] - order[b.severity]);
  const lines = sorted.map(
    ({ severity, message, fix }) => `${paint[severity](severity)}: ${message}; ${fix}`,
  );
  return [...lines, `${dataset.samples.length} songs checked`].join("\n");
}
