import { AceError, formatBytes } from "@acewright/core-native";
import { planAnnotation, runAnnotation } from "@acewright/dataset";
import type { AnnotationPlan, AnnotationReport, AnnotationTask, PlanOptions } from "@acewright/dataset";
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { outputOf, type Context } from "../../command.js";
import { gather } from "../../gather.js";
import type { Output } from "../../output.js";
import { changeLines } from "../../render/text-diff.js";
import { formatDuration } from "../../render/units.js";
import { whereHelp } from "./dataset-change.js";

export interface AnnotateWords {
  where?: string[];
  allowRoot?: string[];
  promptFile?: string;
  dryRun?: true;
  preview?: true;
  restart?: true;
  yes?: true;
}

export const annotationNotes =
  "In a dataset.json the answers are one change that `dataset undo` takes back; in a folder they become song.lyrics.txt (times\n" +
  "as song.lrc) and song.caption.txt. Interrupt it whenever you like: what was answered is saved, the same command goes on from\n" +
  "there. Songs are sent to the service; who made a field stands under acewright.provenance.";

/** The argument and the switches of both commands. */
export function takesAnnotation(command: Command): Command {
  return command
    .argument("<path>", "dataset.json, or a folder of songs")
    .option("-w, --where <filter>", whereHelp, gather)
    .option("--allow-root <dir>", "folder that relative paths with .. may lead into (repeatable)", gather)
    .option(
      "--prompt-file <file>",
      "your own words for the model; {artist}, {title} and {file} are filled in",
    )
    .option("-n, --dry-run", "say what would be asked and written, ask nobody")
    .option(
      "--preview",
      "ask and show the differences, write nothing; the same command without it writes them unasked",
    )
    .option("--restart", "forget the answers of a run that was stopped or previewed")
    .option("-y, --yes", "start without a question");
}

/** Plans, asks the person, runs and shows what came of it. */
export async function annotate(
  command: Command,
  context: Context,
  path: string,
  task: AnnotationTask,
  words: AnnotateWords,
): Promise<void> {
  const output = outputOf(command, context);
  const plan = await planWithBar(path, task, words, output, context.signal);
  for (const line of plan.warnings) output.warn(line);
  if (words.dryRun === true) {
    const { warnings, provider, policy, estimate } = plan;
    output.result({ path: plan.path, provider, policy, estimate, warnings, written: [] }, () =>
      [...planLines(plan), "nothing asked, nothing written (--dry-run)"].join("\n"),
    );
    return;
  }
  for (const line of planLines(plan)) output.say(line);
  await askPerson(plan, words, output, context.signal);
  const report = await runWithBar(plan, words.preview ?? false, output, context.signal);
  showReport(plan, report, words.preview ?? false, output);
  if (report.failed.length > 0) {
    throw new AceError(
      "ERR_SERVICE",
      `${path}: ${report.failed.length} songs have no answer; the reasons stand above, the same command asks for them again`,
    );
  }
}

async function planWithBar(
  path: string,
  task: AnnotationTask,
  words: AnnotateWords,
  output: Output,
  signal: AbortSignal,
): Promise<AnnotationPlan> {
  const bar = output.progress("scan", "song");
  const options: PlanOptions = {
    where: words.where ?? [],
    allowRoots: words.allowRoot ?? [],
    prompt: words.promptFile === undefined ? undefined : promptOf(words.promptFile),
    restart: words.restart ?? false,
    dryRun: words.dryRun ?? false,
    signal,
    onScan: ({ done, total, path: file }) => {
      bar.update(done, total, basename(file));
    },
  };
  return planAnnotation(path, task, options).finally(() => {
    bar.clear();
  });
}

const mostPromptBytes = 65_536;

function promptOf(file: string): string {
  const { size } = statSync(file);
  if (size > mostPromptBytes)
    throw new AceError(
      "ERR_FILE",
      `${file}: is ${size} bytes; a prompt of at most ${mostPromptBytes} was expected`,
    );
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)).trim();
  } catch (cause) {
    throw new AceError("ERR_FILE", `${file}: is not UTF-8 text; save it as UTF-8`, { cause });
  }
  if (text === "") throw new AceError("ERR_FILE", `${file}: is empty; write the prompt into it`);
  return text;
}

function planLines({ estimate, provider, policy, task }: AnnotationPlan): string[] {
  const { songs, asked, resumed, kept, calls, audioMinutes, audioBytes, fields } = estimate;
  const effects = Object.entries(fields).map(([field, { fill, overwrite }]) => {
    const parts = [fill > 0 ? `fill ${fill}` : "", overwrite > 0 ? `overwrite ${overwrite}` : ""];
    return `${field}: ${parts.filter((part) => part !== "").join(", ")}`;
  });
  const sent =
    audioBytes === 0
      ? `to ${provider.origin}, no audio is sent`
      : `${audioMinutes} min of audio (${formatBytes(audioBytes)}) to ${provider.origin}`;
  return [
    `${task} by ${provider.name} ${provider.model} (${policy}): ${asked} of ${songs} songs, at least ${calls} calls, ${sent}`,
    ...(resumed > 0 ? [`${resumed} songs are answered already by the run before; --restart asks again`] : []),
    ...(kept > 0 ? [`${kept} songs need nothing`] : []),
    ...effects.map((line) => `  ${line}`),
  ];
}

async function askPerson(
  { estimate }: AnnotationPlan,
  { yes }: AnnotateWords,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  if (estimate.asked === 0 || yes === true) return;
  const { ask, interactive } = output.terminal;
  if (!interactive || ask === undefined || output.json) {
    throw new AceError(
      "ERR_CONFIG",
      `${estimate.calls} calls would be made; add --yes to start, or --dry-run to look first`,
    );
  }
  const answer = await ask(`start ${estimate.calls} calls? [y/N] `, signal);
  if (!/^y(?:es)?$/i.test(answer.trim()))
    throw new AceError("ERR_CONFIG", "not started; nothing was asked or written");
}

async function runWithBar(
  plan: AnnotationPlan,
  preview: boolean,
  output: Output,
  signal: AbortSignal,
): Promise<AnnotationReport> {
  const bar = output.progress(plan.task, "song");
  const startMs = performance.now();
  let failures = 0;
  const report = await runAnnotation(plan, {
    signal,
    preview,
    onProgress: ({ done, total, path }) => {
      output.event({ type: "progress", done, total, path });
      bar.update(done, total, basename(path));
    },
    onStopped: ({ answered, written, failed }) => {
      failures = failed.length;
      bar.clear();
      const saved = written.length === 0 ? "nothing written" : `saved in ${written.length} files`;
      output.say(
        `stopped: ${answered} songs answered, ${failures} failed, ${saved}; the same command goes on from there`,
      );
    },
  }).finally(() => {
    bar.clear();
  });
  output.say(
    `${report.answered} songs answered in ${formatDuration((performance.now() - startMs) / 1000)}, ${report.failed.length} failed`,
  );
  return report;
}

function showReport(plan: AnnotationPlan, report: AnnotationReport, preview: boolean, output: Output): void {
  for (const { audioFile, error } of report.failed)
    output.warn(`${basename(audioFile)} has no answer: ${error}`);
  for (const { audioFile, why } of report.toCheck) output.say(`look at ${basename(audioFile)}: ${why}`);
  if (report.withoutLyrics.length > 0)
    output.say(
      `no words were found in ${report.withoutLyrics.length} songs: ${report.withoutLyrics.slice(0, 5).join(", ")}`,
    );
  const { estimate, provider, policy } = plan;
  output.result({ ...report, provider, policy, estimate, preview }, () => {
    const lines = changeLines(report.changes, (index) => report.songs[index] ?? "", output);
    const undo =
      plan.kind === "dataset"
        ? "; acewright dataset undo takes it back"
        : "; what files held is kept as .bak";
    const end = preview
      ? "nothing written (--preview); the same command without it writes this"
      : report.written.length === 0
        ? "nothing changes"
        : `written: ${report.written.length === 1 ? output.path(report.written[0] ?? "") : `${report.written.length} files`}${undo}`;
    return [...lines, ...(lines.length > 0 ? [""] : []), `${report.changes.length} changes; ${end}`].join(
      "\n",
    );
  });
}
