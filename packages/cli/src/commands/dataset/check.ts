import { AceError } from "@acewright/core-native";
import {
  checkCacheFolder,
  checkDataset,
  CheckSettings,
  loadDataset,
  PromptTokenizer,
  resolveModelFolders,
} from "@acewright/dataset";
import type { CheckOptions, Dataset, Finding, Severity } from "@acewright/dataset";
import { Option, type Command } from "commander";
import { formatCounted } from "../../render/units.js";
import { statSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { leafCommand, outputOf, type Context } from "../../command.js";
import { gather } from "../../gather.js";
import { givenOptions, optionsFromSchema } from "../../options-from-schema.js";
import type { Output } from "../../output.js";
import { findingWords } from "./finding-words.js";
import { scan } from "./scan-songs.js";

interface Options {
  allowRoot?: string[];
  decode: boolean;
  cache: boolean;
  model?: string;
  failOn: "error" | "warning" | "info" | "never";
}

/** `dataset check`: everything that would fail or spoil a training run. */
export function checkCommand(context: Context): Command {
  const command = leafCommand({
    name: "check",
    summary: "look for everything in a dataset or folder that would fail or spoil a training run",
    examples: [
      "dataset check dataset.json",
      "dataset check songs",
      "dataset check dataset.json --model checkpoints --conditioning official",
      "dataset check dataset.json --fail-on warning --json",
    ],
    notes:
      "Severities: error (the song cannot be used), warning (the result will suffer), info (worth a look). Ends with exit code 0\n" +
      "when there is nothing of the severity that --fail-on names or worse (error by default), else with 2.\n" +
      `Results of unchanged songs are kept under ${checkCacheHelp()}, so a second check is fast.`,
  })
    .argument("<path>", "dataset.json, or a folder of songs that is then scanned (nothing is written)")
    .option("--allow-root <dir>", "folder that relative paths with .. may lead into (repeatable)", gather)
    .option(
      "-m, --model <dir>",
      "checkpoint whose tokenizer counts captions and lyrics; without it lengths are not checked",
    )
    .option("--no-decode", "check texts, paths and copied files only; do not decode the songs")
    .option("--no-cache", "measure every song again, and keep nothing")
    .addOption(
      new Option("--fail-on <severity>", "least severity that ends with exit code 2")
        .choices(["error", "warning", "info", "never"])
        .default("error"),
    );
  return optionsFromSchema(command, CheckSettings).action(async (path: string, options: Options) => {
    const output = outputOf(command, context);
    const { dataset, folder, unread } = await open(path, options, output, context.signal);
    const settings = CheckSettings.partial().parse(givenOptions(command, CheckSettings));
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    const found = await check(
      dataset,
      folder,
      {
        ...given,
        allowRoots: options.allowRoot ?? [],
        decode: options.decode,
        ...(options.cache ? { cacheFolder: checkCacheFolder() } : {}),
        ...tokenCounter(options.model),
      },
      output,
      context.signal,
    );
    const findings = [...unread, ...found];
    const counts = countSeverities(findings);
    const failing = failingCount(findings, options.failOn);
    output.result({ ok: failing === 0, songs: dataset.samples.length, counts, findings }, () =>
      findingWords(findings, dataset, output),
    );
    if (failing > 0) {
      throw new AceError(
        "ERR_FILE",
        `${path}: ${formatCounted(failing, "finding")} must be mended (${options.failOn} or worse)`,
      );
    }
  });
}

/** A folder is scanned as `dataset scan` would, without writing anything. */
async function open(
  path: string,
  options: Options,
  output: Output,
  signal: AbortSignal,
): Promise<{ dataset: Dataset; folder: string; unread: Finding[] }> {
  const file = resolve(path);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    const { dataset, report } = await scan(file, {}, output, signal);
    const unread = report.skipped.map(({ path: song, reason }): Finding => {
      const message = `${relative(file, song)}: ${reason}`;
      const fix = "get the file again or convert it, or remove it";
      return { severity: "error", code: "unreadable", sample: undefined, field: "audio", message, fix };
    });
    return { dataset, folder: file, unread };
  }
  const { dataset, warnings } = await loadDataset(path, {
    allowRoots: options.allowRoot ?? [],
    missingAudio: "keep",
  });
  for (const line of warnings) output.warn(line);
  return { dataset, folder: dirname(file), unread: [] };
}

function checkCacheHelp(): string {
  return "$XDG_CACHE_HOME/acewright/check (else ~/.cache/acewright/check; on Windows below %LOCALAPPDATA%)";
}

const ranks: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

function countSeverities(findings: readonly Finding[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
}

function failingCount(findings: readonly Finding[], failOn: Options["failOn"]): number {
  if (failOn === "never") return 0;
  return findings.filter(({ severity }) => ranks[severity] <= ranks[failOn]).length;
}

/** Counts as the model does; nothing where there is no model to ask. */
export function tokenCounter(model: string | undefined): Pick<CheckOptions, "countTokens"> {
  if (model === undefined) return {};
  const tokenizer = PromptTokenizer.open(resolveModelFolders(resolve(model)).textEncoder);
  return { countTokens: (text) => tokenizer.encode(text).ids.length };
}

/** Checks a dataset with a bar; `folder` is where its relative paths start. */
export async function check(
  dataset: Dataset,
  folder: string,
  options: CheckOptions,
  output: Output,
  signal: AbortSignal,
): Promise<Finding[]> {
  const bar = output.progress("check", "song");
  const findings = await checkDataset(dataset, {
    ...options,
    folder,
    signal,
    onProgress: ({ done, total, path }) => {
      bar.update(done, total, basename(path));
    },
  }).finally(() => {
    bar.clear();
  });
  bar.finish(findings.length === 0 ? "nothing found" : formatCounted(findings.length, "finding"));
  return findings;
}
