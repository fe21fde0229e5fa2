import { AceError } from "@acewright/core-native";
import {
  analysisQueue,
  AnalysisSettings,
  analyzeDataset,
  filterSamples,
  saveChanges,
} from "@acewright/dataset";
import type { AnalyzedSong, AnalyzeReport, Dataset } from "@acewright/dataset";
import type { Command } from "commander";
import { formatCounted } from "../../render/units.js";
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { leafCommand, outputOf, type Context } from "../../command.js";
import { givenOptions, optionsFromSchema } from "../../options-from-schema.js";
import type { Output } from "../../output.js";
import { analysisTable, queueTable } from "./analysis-table.js";
import { openDataset, takesChange, whereNotes, type ChangeOptions } from "./dataset-change.js";
import { scan } from "./scan-songs.js";

interface AnalyzeWords extends ChangeOptions {
  queue?: true;
}

/** How often an unfinished analysis is written, so that an interrupted one loses little. */
const saveEveryMs = 10_000;

/** `dataset analyze`: tempo, key, time signature, loudness and sections, heard here. */
export function analyzeCommand(context: Context): Command {
  const command = takesChange(
    leafCommand({
      name: "analyze",
      summary: "listen to songs: tempo, key, time signature, loudness and sections, with how sure each is",
      examples: [
        "dataset analyze songs",
        "dataset analyze dataset.json --dry-run",
        'dataset analyze dataset.json --where "!bpm" --min-confidence 0.5',
        "dataset analyze dataset.json --overwrite --again",
        "dataset analyze dataset.json --queue",
      ],
      notes:
        "Only missing values are filled in, and your own always win: where we clearly hear something else, it is shown. Details\n" +
        "stand under acewright.analysis. Interrupt it whenever you like: songs already heard are not heard again.\n" +
        "For a folder its dataset.json is taken, or made by a scan. In 6/8 the tempo counts dotted quarters, and eighths where\n" +
        `those would be slower than 50 a minute. Nothing leaves this machine.\n${whereNotes}`,
    }),
    "dataset.json, or a folder of songs",
  ).option("--queue", "only show what a person should check after an earlier analysis; least sure first");
  return optionsFromSchema(command, AnalysisSettings).action(async (path: string, words: AnalyzeWords) => {
    const output = outputOf(command, context);
    const settings: Partial<AnalysisSettings> = givenOptions(command, AnalysisSettings);
    const { file, dataset } = await openPlace(path, words, output, context.signal);
    if (words.queue === true) showQueue(file, dataset, words, settings, output);
    else await analyze(file, dataset, words, settings, output, context.signal);
  });
}

/** The dataset that a path means; a folder without one is scanned. */
async function openPlace(
  path: string,
  words: AnalyzeWords,
  output: Output,
  signal: AbortSignal,
): Promise<{ file: string; dataset: Dataset }> {
  const place = resolve(path);
  if (!existsSync(place) || !statSync(place).isDirectory()) {
    return { file: place, dataset: await openDataset(place, words, output) };
  }
  const file = join(place, "dataset.json");
  if (existsSync(file)) return { file, dataset: await openDataset(file, words, output) };
  const { dataset } = await scan(place, {}, output, signal);
  return { file, dataset };
}

function showQueue(
  file: string,
  dataset: Dataset,
  { where = [] }: AnalyzeWords,
  { checkBelow }: Partial<AnalysisSettings>,
  output: Output,
): void {
  const wanted = new Set(filterSamples(dataset, where));
  const items = analysisQueue(dataset, checkBelow).filter(({ sample }) => wanted.has(sample));
  output.result({ path: file, toCheck: items }, () =>
    items.length === 0 ? "nothing to check" : queueTable(dataset, items, output),
  );
}

async function analyze(
  file: string,
  dataset: Dataset,
  words: AnalyzeWords,
  settings: Partial<AnalysisSettings>,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const { where = [], allowRoot = [] } = words;
  const dryRun = words.dryRun ?? false;
  const keeper = new Keeper(file, dataset, dryRun);
  const bar = output.progress("analyze", "song");
  let report: AnalyzeReport;
  try {
    report = await analyzeDataset(dataset, {
      ...settings,
      where,
      folder: dirname(file),
      allowRoots: allowRoot,
      signal,
      onProgress: ({ done, total, path }) => {
        bar.update(done, total, basename(path));
      },
      onSong: (soFar, song) => {
        output.event({ type: "song", ...song });
        keeper.keep(soFar);
      },
    });
  } finally {
    bar.clear();
    keeper.finish();
  }
  keeper.save(report.dataset);
  tell(
    file,
    report,
    {
      dryRun,
      bar: (words) => {
        bar.finish(words);
      },
    },
    output,
  );
}

function tell(
  file: string,
  report: AnalyzeReport,
  { dryRun, bar }: { dryRun: boolean; bar: (words: string) => void },
  output: Output,
): void {
  const { dataset, songs, changes, toCheck } = report;
  const count = (outcome: AnalyzedSong["outcome"]): number =>
    songs.filter((song) => song.outcome === outcome).length;
  const failed = songs.filter(({ outcome }) => outcome === "failed");
  bar(`${count("analyzed")} heard, ${count("kept")} known already, ${failed.length} failed`);
  for (const { error = "" } of failed) output.warn(error);
  const values = changes.filter(({ key }) => key !== "acewright");
  const written = !dryRun && changes.length > 0;
  output.result({ type: "done", path: file, written, songs, changes: values, toCheck }, () => {
    if (songs.length === 0)
      return dataset.samples.length === 0
        ? "the dataset lists no song; scan a folder that holds songs"
        : "no song meets the filter";
    const saved = written
      ? `written: ${output.path(file)}`
      : dryRun
        ? "nothing written (--dry-run)"
        : "nothing changes";
    const queue =
      toCheck.length === 0 ? [] : ["", `to check (${toCheck.length}):`, queueTable(dataset, toCheck, output)];
    return [
      analysisTable(report, output),
      ...queue,
      "",
      `${formatCounted(values.length, "value")} filled in; ${saved}`,
    ].join("\n");
  });
  if (failed.length > 0) {
    throw new AceError(
      "ERR_FILE",
      `${file}: ${failed.length} songs could not be analysed; the reasons stand above`,
    );
  }
}

/**
 * Writes what is known now and then, over what a person wrote into the file meanwhile; one backup of what the file held before the
 * whole run.
 */
class Keeper {
  readonly #file: string;
  readonly #before: Dataset;
  readonly #dryRun: boolean;
  #hasBackup = false;
  #lastMs = performance.now();
  #unsaved: Dataset | undefined;

  constructor(file: string, before: Dataset, dryRun: boolean) {
    this.#file = file;
    this.#before = before;
    this.#dryRun = dryRun;
  }

  keep(dataset: Dataset): void {
    this.#unsaved = dataset;
    if (performance.now() - this.#lastMs >= saveEveryMs) this.save(dataset);
  }

  save(dataset: Dataset): void {
    this.#unsaved = undefined;
    this.#lastMs = performance.now();
    if (this.#dryRun) return;
    saveChanges(this.#file, this.#before, dataset, { backup: !this.#hasBackup });
    this.#hasBackup = true;
  }

  /** Also after Ctrl-C. */
  finish(): void {
    if (this.#unsaved !== undefined) this.save(this.#unsaved);
  }
}
