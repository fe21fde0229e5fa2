import { join } from "node:path";
import { AceError } from "@acewright/core-native";
import type { TrainConfig } from "../config/train-config.js";
import type { LoggedEvent, LogTail } from "../run/event-log.js";
import { readEventLog, readEventTail } from "../run/event-log.js";
import { nodeFiles } from "../run/files.js";
import { checkpointSteps, readRunConfig } from "../run/run-folder.js";
import { isRunLocked } from "../run/run-lock.js";
import { runPaths } from "../run/run-paths.js";

/** A run as its folder tells it. */
export interface RunSummary {
  readonly folder: string;
  /** `stopped`: its process ended without a word, by a crash or a kill. */
  readonly status: "running" | "finished" | "interrupted" | "stopped";
  readonly config: TrainConfig;
  /** Steps done, of all. */
  readonly step: number;
  readonly steps: number | undefined;
  readonly stepsPerEpoch: number | undefined;
  /** Loss of the last step that counted. */
  readonly lastLoss: number | undefined;
  /** Lowest loss by what decides the best adapter: the validation, or the mean of five epochs. */
  readonly best: { readonly step: number; readonly loss: number } | undefined;
  /** Steps of the checkpoints there are, rising. */
  readonly checkpoints: readonly number[];
  /** Folder of the trained adapter, once the run is finished. */
  readonly final: string | undefined;
  /** When the run began, ISO 8601. */
  readonly startedAt: string | undefined;
  /** Time of its newest event, ISO 8601. */
  readonly lastAt: string | undefined;
  /** Seconds it ran, those between a stop and a resume left out. */
  readonly tookS: number;
}

/** One run in full: its summary and every event of its log. */
export interface RunDetails extends RunSummary {
  readonly events: readonly LoggedEvent[];
}

/**
 * Reads a run folder.
 *
 * @throws {AceError} ERR_FILE when the folder holds no run.
 */
export function readRun(folder: string): RunDetails {
  const { summary, events } = summarise(folder);
  return { ...summary, events };
}

/**
 * {@link readRun} without its events: what a list keeps of it.
 *
 * @throws {AceError} ERR_FILE when the folder holds no run.
 */
export function readRunSummary(folder: string): RunSummary {
  return summarise(folder).summary;
}

/**
 * What a run's log says since the last look at it, for who draws a run that goes on.
 *
 * @param from the `next` of the last look; 0 for all.
 * @returns events, and where to go on; `from` is 0 where the log was cut since, by a resume, and all of it is told anew.
 * @throws {AceError} ERR_FILE when the folder holds no run.
 */
export function tailRun(folder: string, from: number): LogTail {
  if (!isRun(folder)) throw new AceError("ERR_FILE", `${folder}: holds no run`);
  return readEventTail(nodeFiles, runPaths(folder).events, from);
}

function summarise(folder: string): { summary: RunSummary; events: readonly LoggedEvent[] } {
  const config = readRunConfig(folder);
  const paths = runPaths(folder);
  const events = readEventLog(nodeFiles, paths.events);
  const starts = events.filter((event) => event.type === "started");
  const plan = starts.at(-1)?.plan;
  const last = events.at(-1);
  const losses = events.filter((event) => event.type === "step" && !event.skipped);
  const lastLoss = losses.at(-1);
  const best = events
    .flatMap((event) => (event.type === "best" || (event.type === "validation" && event.best) ? [event] : []))
    .at(-1);
  const ended = last?.type === "finished" || last?.type === "interrupted" ? last.type : "stopped";
  const summary: RunSummary = {
    folder,
    status: isRunLocked(nodeFiles, folder) ? "running" : ended,
    config,
    step: events.reduce((most, { step }) => Math.max(most, step), 0),
    steps: plan?.steps,
    stepsPerEpoch: plan?.stepsPerEpoch,
    lastLoss: lastLoss?.type === "step" ? lastLoss.loss : undefined,
    best: best && { step: best.step, loss: best.loss },
    checkpoints: checkpointSteps(folder).sort((a, b) => a - b),
    final: nodeFiles.existsSync(paths.final) ? paths.final : undefined,
    startedAt: starts[0]?.time,
    lastAt: last?.time,
    tookS: secondsRun(events),
  };
  return { summary, events };
}

/** From each start to the last event before the next one. */
function secondsRun(events: readonly LoggedEvent[]): number {
  let ms = 0;
  let at = Infinity;
  for (const { type, time } of events) {
    const now = Date.parse(time);
    if (type !== "started") ms += Math.max(0, now - at);
    at = now;
  }
  return ms / 1000;
}

/**
 * The runs in a folder and one level below it, newest first; folders that hold no run are passed over.
 *
 * @param onUnreadable told of a run whose files are damaged, which is then left out; without it such a run is an error.
 * @throws {AceError} ERR_FILE when the folder does not exist.
 */
export function listRuns(folder: string, onUnreadable?: (message: string) => void): RunSummary[] {
  if (!nodeFiles.existsSync(folder)) throw new AceError("ERR_FILE", `${folder}: does not exist`);
  const inside = nodeFiles
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
  const summaries: RunSummary[] = [];
  for (const candidate of [folder, ...inside].filter(isRun)) {
    try {
      summaries.push(summarise(candidate).summary);
    } catch (error) {
      if (!(error instanceof AceError) || onUnreadable === undefined) throw error;
      onUnreadable(error.message);
    }
  }
  return summaries.sort((a, b) => (b.startedAt ?? "").localeCompare(a.startedAt ?? ""));
}

/** A model's folder has a config.json too, but no place for checkpoints. */
function isRun(folder: string): boolean {
  const { config, checkpoints } = runPaths(folder);
  return nodeFiles.existsSync(config) && nodeFiles.existsSync(checkpoints);
}
