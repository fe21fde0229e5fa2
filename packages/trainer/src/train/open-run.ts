import { AceError, type ModelConfig, type RecomputePolicy } from "@acewright/core-native";
import { checkRun, refuseTooLarge, type CheckedRun, type StartOptions } from "../check-run.js";
import type { ResolvedConfig, TrainConfig } from "../config/train-config.js";
import { findAdapter } from "../export/find-adapter.js";
import type { RunPlan, StartedEvent } from "../events.js";
import type { AdapterPort, DevicePort, NativePort, SessionPort } from "../native-port.js";
import { adapterConfigOf } from "../plan/adapter-targets.js";
import { TimestepLosses } from "../plan/adaptive-timesteps.js";
import { Judgement } from "../plan/judgement.js";
import { nextWhole } from "../plan/recompute-ladder.js";
import type { Split } from "../plan/validation.js";
import { sessionConfigOf, withAlgorithms } from "../config/resolve-config.js";
import type { Checkpoint, Progress } from "../run/checkpoint.js";
import { EventLog } from "../run/event-log.js";
import type { Files } from "../run/files.js";
import { readRunConfig, RunFolder } from "../run/run-folder.js";
import { TensorBoardLog } from "../run/tensorboard/event-file.js";
import type { OpenSamples, SampleSource } from "../sample-source.js";
import type { SongMaker } from "../song-maker.js";
import { diskWarning } from "./disk-space.js";
import { keepPrompts, prepareSamples, type RepeatedSong } from "./prepare-samples.js";
import { checkChanges, isResumed, type ResumeOptions } from "./resume-check.js";
import type { DeviceWatch } from "../watch/device-use.js";
import { watchDevice } from "../watch/watch-device.js";

/** What training stands on; `train` fills it with the real native core, the dataset package and the disk. */
export interface TrainParts {
  readonly native: NativePort;
  readonly openSamples: OpenSamples;
  readonly files: Files;
  readonly openSongMaker: (modelFolder: string, threads: number | undefined, encodes: boolean) => SongMaker;
}

/** A run ready to make its next step. */
export interface OpenRun {
  readonly config: ResolvedConfig;
  readonly device: DevicePort;
  readonly model: ModelConfig;
  readonly samples: SampleSource;
  readonly split: Split;
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  readonly adapter: AdapterPort;
  /** Another one after {@link lowerMemory}. */
  session: SessionPort;
  /** Native handle of each song. */
  handles: readonly number[];
  /** What its memory is spent on; a policy that proved too large for the device is left for the next. */
  recompute: RecomputePolicy;
  /** Another session on the same adapter, all songs in it; the one before must be closed. */
  readonly openSession: (recompute: RecomputePolicy) => Promise<OpenSession>;
  readonly log: EventLog;
  readonly tensorBoard: TensorBoardLog;
  readonly use: DeviceWatch;
  /** There where the configuration asks for samples. */
  readonly songMaker: SongMaker | undefined;
  /** What it makes at each look. */
  readonly songs: readonly RepeatedSong[];
  readonly progress: Progress;
  readonly started: StartedEvent;
  /** What is odd, or was mended on the way, for the user to know. */
  readonly warnings: readonly string[];
}

/** Whether a run began with an estimation's ranks; where it did not, one made since then is not for it. */
function beganWithMap(run: string, files: Files): boolean {
  const { adapter } = readRunConfig(run, files);
  return "rankPattern" in adapter && adapter.rankPattern !== undefined;
}

/** Told of each thing opened: what stands on disk closes at once, native objects when no call is in flight. */
export interface Opened {
  onDisk(close: () => void): void;
  native(close: () => void): void;
}

/** Opens everything a run needs; nothing is written before configuration, model and songs have proved good. */
export async function openRun(
  given: TrainConfig,
  options: ResumeOptions & StartOptions,
  parts: TrainParts,
  opened: Opened,
): Promise<OpenRun> {
  const resuming = isResumed(given.output, options, parts.files);
  // A resumed run is compared with its own config.json, environment included, which says more.
  const checked = resuming
    ? await checkRun({ ...given, environment: undefined }, parts, beganWithMap(given.output, parts.files))
    : await checkRun(given, parts);
  const { config, model, samples, split, steps, memory, recompute } = checked;
  const tight = refuseTooLarge(checked, options);
  const warnings = [
    ...checked.warnings,
    ...(tight === undefined ? [] : [tight]),
    ...(resuming ? checkChanges(config, steps.stepsPerEpoch, options, parts.files) : []),
  ];
  const { algorithms } = (resuming ? readRunConfig(config.output, parts.files) : config).environment ?? {};
  if (algorithms !== undefined) await takeAlgorithms(checked.device, algorithms, options, warnings);
  const songMaker =
    config.sampleEvery > 0
      ? parts.openSongMaker(config.model, config.threads, config.samplePrompts !== undefined)
      : undefined;
  const prepared = songMaker && (await prepareSamples(config, checked, songMaker, parts.files));
  warnings.push(...(prepared?.warnings ?? []));
  const native = await openNative(checked, opened);

  const folder = RunFolder.open(config.output, parts.files);
  opened.onDisk(() => {
    folder.release();
  });
  const space = diskWarning(config, memory, parts.files);
  if (space !== undefined) warnings.push(space);
  const checkpoint = resuming
    ? await folder.newestCheckpoint((message) => warnings.push(message))
    : undefined;
  if (checkpoint !== undefined) await restore(checkpoint, native);
  else if (config.from !== undefined) await native.adapter.continueFrom(findAdapter(config.from).weights);
  const progress = checkpoint?.progress ?? beginning(config);
  folder.writeConfig(withAlgorithms(config, algorithms));
  if (prepared?.prompts !== undefined) keepPrompts(config.output, prepared.prompts, parts.files);
  const log = EventLog.open(parts.files, folder.paths.events, progress.step);
  opened.onDisk(() => {
    log.close();
  });
  const tensorBoard = TensorBoardLog.open(parts.files, folder.paths.tensorboard, progress.step);
  opened.onDisk(() => {
    tensorBoard.close();
  });
  const use = watchDevice(checked.device.info);
  opened.onDisk(() => {
    use.close();
  });
  const plan: RunPlan = { ...steps, parameters: native.adapter.parameterCount, memory, recompute };
  const started: StartedEvent = {
    type: "started",
    step: progress.step,
    run: config.output,
    config,
    plan,
    device: checked.device.info,
    ...(checkpoint && { resumedFrom: checkpoint.folder }),
  };
  const onDisk = { folder, log, tensorBoard, use, songMaker, songs: prepared?.songs ?? [] };
  const { device } = checked;
  return { config, device, model, samples, split, plan, ...native, ...onDisk, progress, started, warnings };
}

/** The same products by the same algorithms, and attention by the same kernels, whatever is preferred today. */
async function takeAlgorithms(
  device: DevicePort,
  record: string,
  { allowChanges }: ResumeOptions,
  warnings: string[],
): Promise<void> {
  try {
    await device.useAlgorithms(record);
  } catch (cause) {
    if (!(cause instanceof AceError) || cause.code !== "ERR_CONFIG") throw cause;
    if (allowChanges !== true) {
      const choice =
        "go on where that is as it was, or allow changes (--allow-changes) and give up equality with an uninterrupted run";
      throw new AceError("ERR_CONFIG", `${cause.message}; ${choice}`, { cause });
    }
    warnings.push(`${cause.message}: the products are computed by today's choice`);
  }
}

type Native = Pick<OpenRun, "adapter" | "session" | "handles" | "openSession" | "recompute">;

type OpenSession = Pick<OpenRun, "session" | "handles">;

/** Base weights, a fresh adapter, and a session that holds all songs, on the device as far as they fit. */
export async function openNative(
  { device, config, model, samples, residentBytes }: CheckedRun,
  opened: Opened,
): Promise<Native> {
  if (device.info.name !== "cpu") await device.tuneProducts(config.tuneProducts);
  const decoder = await device.openDecoder(config.model);
  opened.native(() => {
    decoder.close();
  });
  const adapter = await decoder.createAdapter(adapterConfigOf(config.adapter, model.layers), config.seed);
  opened.native(() => {
    adapter.close();
  });
  const openSession = async (recompute: RecomputePolicy): Promise<OpenSession> => {
    const session = await adapter.openSession({
      ...sessionConfigOf({ ...config, recompute }, model),
      ...(residentBytes !== undefined && { residentBytes }),
    });
    opened.native(() => {
      session.close();
    });
    const handles: number[] = [];
    for (let i = 0; i < samples.songs.length; i++)
      handles.push(await session.addSample(await samples.read(i)));
    return { session, handles };
  };
  const { recompute } = config;
  return { adapter, openSession, recompute, ...(await openSession(recompute)) };
}

/**
 * Goes on under the next thriftier policy, with every weight and moment as they were: what a step that found no memory
 * asks for. All policies give the same numbers.
 *
 * @returns what it was and is, or undefined where there is none thriftier.
 */
export async function lowerMemory(
  run: OpenRun,
): Promise<{ readonly before: RecomputePolicy; readonly now: RecomputePolicy } | undefined> {
  const { recompute: before, session } = run;
  const now = nextWhole(before);
  if (now === undefined) return undefined;
  const state = await session.state();
  session.close();
  Object.assign(run, await run.openSession(now));
  await run.session.setState(state);
  run.recompute = now;
  return { before, now };
}

async function restore(checkpoint: Checkpoint, { adapter, session }: Native): Promise<void> {
  const { missing, unexpected } = await adapter.setTensors(checkpoint.adapter);
  if (missing.length + unexpected.length > 0) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${checkpoint.folder}: its adapter is another one (missing: ${missing.join(", ") || "none"}; unexpected: ${unexpected.join(", ") || "none"})`,
    );
  }
  await session.setState(checkpoint.optimizer);
}

function beginning(config: TrainConfig): Progress {
  return {
    step: 0,
    seed: config.seed,
    epoch: 0,
    microBatch: 0,
    skippedSteps: 0,
    skippedInARow: 0,
    validatedStep: null,
    best: null,
    judgement: Judgement.parse({}),
    timestepLosses: TimestepLosses.parse(undefined),
  };
}
