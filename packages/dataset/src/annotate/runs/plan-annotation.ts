import { statSync } from "node:fs";
import { textSha256 } from "../../fingerprint.js";
import { openCaptioner, openTranscriber, type Environment } from "../providers/open-provider.js";
import type { AnnotatedField, Provider, SongToAnnotate } from "../providers/provider.js";
import { openTarget, journalPath, type AnnotationTarget, type TargetOptions } from "./annotation-target.js";
import { Journal } from "./journal.js";
import { isMissing, overwrites, wantedFields } from "./policies.js";
import { CaptionSettings, TranscribeSettings, type AnnotationPolicy } from "./settings.js";
import { songIdentity } from "./song-identity.js";
import { parseSettings } from "./parse-settings.js";

/** What is to be done: lyrics by a transcriber, or captions. */
export type AnnotationTask =
  | { task: "transcribe"; settings?: Partial<TranscribeSettings> }
  | { task: "caption"; settings?: Partial<CaptionSettings> };

export interface PlanOptions extends TargetOptions {
  /** Instead of our own words; `{artist}`, `{title}` and `{file}` are filled in. */
  prompt?: string | undefined;
  /** Where keys are read from; `process.env` by default. */
  environment?: Environment;
  /** Forget the answers of a run that was stopped. */
  restart?: boolean;
  /** Count only: no key is needed, and the plan cannot be run. */
  dryRun?: boolean;
}

/** A song that will be asked about. */
export interface PlannedSong extends SongToAnnotate {
  index: number;
  /** Size and time of the audio file. */
  stamp: string;
}

/** What a run would do, before a single request is made. */
export interface AnnotationEstimate {
  /** Songs looked at. */
  songs: number;
  /** Songs that are asked about. */
  asked: number;
  /** Songs whose answer a stopped run has left. */
  resumed: number;
  /** Requests, at the least. */
  calls: number;
  audioMinutes: number;
  /** Bytes of the songs as they lie on the disk; 0 where none is sent. */
  audioBytes: number;
  /** Songs that need nothing under this policy. */
  kept: number;
  /** Songs by field: empty ones that may be filled, and texts that may be replaced. */
  fields: Partial<Record<AnnotatedField, { fill: number; overwrite: number }>>;
}

/** A run that is ready to start. */
export interface AnnotationPlan {
  task: AnnotationTask["task"];
  provider: Pick<Provider, "name" | "model" | "origin">;
  policy: AnnotationPolicy;
  estimate: AnnotationEstimate;
  warnings: string[];
  /** Absolute path of dataset.json or of the folder. */
  path: string;
  kind: AnnotationTarget["kind"];
  isDryRun: boolean;
  /** @internal */
  work: AnnotationWork;
}

/** What a run needs besides what a person is told. */
export interface AnnotationWork {
  provider: Provider;
  /** What of the provider's answers the target has a place for. */
  gives: readonly AnnotatedField[];
  target: AnnotationTarget;
  songs: PlannedSong[];
  journal: Journal;
  promptSha256: string | undefined;
  concurrency: number;
  stopAfter: number;
  minConfidence: number;
  allowRoots: readonly string[];
}

/**
 * Reads the songs, decides by the policy who is asked about what, and counts it. Asks nobody.
 *
 * @throws {AceError} ERR_CONFIG for a bad setting, a missing key or base URL; ERR_FILE when the songs cannot be read.
 */
export async function planAnnotation(
  path: string,
  task: AnnotationTask,
  options: PlanOptions = {},
): Promise<AnnotationPlan> {
  const { settings, provider } = opened(task, options);
  const { policy } = settings;
  const target = await openTarget(path, options);
  const recipe = textSha256(
    JSON.stringify([task.task, recipeOf(settings), provider.model, provider.origin, options.prompt]),
  );
  const gives =
    target.kind === "folder" ? provider.gives.filter((field) => sidecarFields.has(field)) : provider.gives;
  const journal = await Journal.open(journalPath(target, task.task, recipe.slice(0, 12)));
  if (options.restart === true) {
    journal.remove();
    journal.entries.clear();
  }
  const warnings = [...target.warnings, ...provider.warnings];
  const songs = new Map<string, PlannedSong>();
  const fields: AnnotationEstimate["fields"] = {};
  let [resumed, kept, audioMinutes, audioBytes] = [0, 0, 0, 0];
  for (const { index, sample, audioFile, isMissing: isAbsent } of target.songs) {
    const wants = wantedFields(sample, gives, policy);
    if (isAbsent) {
      if (wants.length > 0)
        warnings.push(`${audioFile} does not exist and is left out; mend audio_path or scan again`);
      continue;
    }
    const { stamp, bytes } = stampOf(audioFile);
    const entry = journal.entries.get(audioFile);
    // An answer that was applied and emptied again by the user is asked for again, but where it would be overwritten.
    const isDone =
      entry?.stamp === stamp &&
      (entry.annotation !== undefined || wants.some((field) => overwrites(policy, field)));
    if (isDone) resumed++;
    else if (wants.length === 0) kept++;
    if (isDone || wants.length === 0) continue;
    const artist = "defaultArtist" in settings ? settings.defaultArtist : undefined;
    // Several samples of one song take one answer.
    const planned = songs.get(audioFile);
    if (planned === undefined) {
      const identity = songIdentity(sample, audioFile, artist);
      songs.set(audioFile, { index, audioFile, stamp, wants, identity });
      audioMinutes += sample.duration / 60;
      if (provider.sendsAudio) audioBytes += bytes;
    } else planned.wants = [...new Set([...planned.wants, ...wants])];
    for (const field of wants) {
      const count = (fields[field] ??= { fill: 0, overwrite: 0 });
      if (isMissing(sample, field)) count.fill++;
      else count.overwrite++;
    }
  }
  const asked = songs.size;
  return {
    task: task.task,
    provider: { name: provider.name, model: provider.model, origin: provider.origin },
    policy,
    path: target.path,
    kind: target.kind,
    isDryRun: options.dryRun ?? false,
    warnings,
    estimate: {
      songs: target.songs.length,
      asked,
      resumed,
      calls: asked * provider.callsPerSong,
      audioMinutes: Math.round(audioMinutes * 10) / 10,
      audioBytes,
      kept,
      fields,
    },
    work: {
      provider,
      gives,
      target,
      songs: [...songs.values()],
      journal,
      promptSha256: options.prompt === undefined ? undefined : textSha256(options.prompt),
      concurrency: settings.concurrency,
      stopAfter: settings.stopAfter,
      minConfidence: "minConfidence" in settings ? settings.minConfidence : 0.5,
      allowRoots: options.allowRoots ?? [],
    },
  };
}

function opened(
  task: AnnotationTask,
  { prompt, environment = process.env, dryRun = false }: PlanOptions,
): { settings: TranscribeSettings | CaptionSettings; provider: Provider } {
  const keys = { environment, areNeeded: !dryRun };
  if (task.task === "transcribe") {
    const settings = parseSettings(TranscribeSettings, task.settings ?? {});
    return { settings, provider: openTranscriber(settings, prompt, keys) };
  }
  const settings = parseSettings(CaptionSettings, task.settings ?? {});
  return { settings, provider: openCaptioner(settings, prompt, keys) };
}

/** A folder has files for these; the rest needs a dataset.json. */
const sidecarFields: ReadonlySet<AnnotatedField> = new Set(["lyrics", "caption"]);

/** What decides the answers; patience does not. */
function recipeOf(settings: TranscribeSettings | CaptionSettings): object {
  const patience = [
    "concurrency",
    "retries",
    "retryWaitS",
    "longestWaitS",
    "timeoutS",
    "stopAfter",
    "minConfidence",
  ];
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !patience.includes(key)));
}

function stampOf(audioFile: string): { stamp: string; bytes: number } {
  const { size, mtimeMs } = statSync(audioFile);
  return { stamp: `${size}-${Math.trunc(mtimeMs)}`, bytes: size };
}
