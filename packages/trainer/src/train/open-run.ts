import { AceError, type DeviceName, type ModelConfig } from "@acewright/core-native";
import type { TrainConfig } from "../config.js";
import { configChanges, describeChanges } from "../config-diff.js";
import type { RunPlan, StartedEvent } from "../events.js";
import type { AdapterPort, NativePort, SessionPort } from "../native-port.js";
import { adapterConfigOf } from "../plan/adapter-targets.js";
import type { Split } from "../plan/validation.js";
import { resolveConfig, sessionConfigOf } from "../resolve-config.js";
import { largestBatch, planSteps } from "../run-plan.js";
import type { Progress } from "../run/checkpoint.js";
import { EventLog } from "../run/event-log.js";
import type { Files } from "../run/files.js";
import { readRunConfig, RunFolder } from "../run/run-folder.js";
import { runPaths } from "../run/run-paths.js";
import { TensorBoardLog } from "../run/tensorboard.js";
import type { OpenSamples, SampleSource } from "../sample-source.js";
import type { SongMaker } from "../song-maker.js";

/** What training stands on; `train` fills it with the real native core, the dataset package and the disk. */
export interface TrainParts {
  readonly native: NativePort;
  readonly openSamples: OpenSamples;
  readonly files: Files;
  readonly openSongMaker: (modelFolder: string, threads: number | undefined) => SongMaker;
}

/** What becomes of a run folder that already holds a run. */
export interface ResumeOptions {
  /** `true`: go on from the newest checkpoint; `"if-possible"`: begin where there is no run; default: refuse a run. */
  readonly resume?: boolean | "if-possible";
  /** Go on although settings differ; the run is then no longer what an uninterrupted one would be. */
  readonly allowChanges?: boolean;
}

/** A run ready to make its next step. */
export interface OpenRun {
  readonly config: TrainConfig;
  readonly model: ModelConfig;
  readonly samples: SampleSource;
  readonly split: Split;
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  readonly adapter: AdapterPort;
  readonly session: SessionPort;
  /** Native handle of each song. */
  readonly handles: readonly number[];
  readonly log: EventLog;
  readonly tensorBoard: TensorBoardLog;
  /** There where the configuration asks for samples. */
  readonly songMaker: SongMaker | undefined;
  readonly progress: Progress;
  readonly started: StartedEvent;
  /** What went wrong on the way and was mended, for the user to know. */
  readonly warnings: readonly string[];
}

/** Told of each thing opened: what stands on disk closes at once, native objects when no call is in flight. */
export interface Opened {
  onDisk(close: () => void): void;
  native(close: () => void): void;
}

/** Opens everything a run needs. */
export async function openRun(
  given: TrainConfig,
  options: ResumeOptions,
  parts: TrainParts,
  opened: Opened,
): Promise<OpenRun> {
  const resuming = refuseOrResume(given.output, options, parts.files);
  const samples = await parts.openSamples(given.tensors);
  const device = parts.native.openDevice(given.device as DeviceName, given.threads);
  const { folder: modelFolder, config: model } = device.readModel(given.model);
  refuseOtherWidth(given, samples, model);
  const config = resolveConfig(options.allowChanges === true ? { ...given, environment: undefined } : given, {
    device: device.info,
    model: { folder: modelFolder, config: model },
    datasetHash: samples.hash,
  });
  const { split, steps } = planSteps(config, samples);
  const memory = await device.planMemory(modelFolder, largestBatch(config, samples, model.layers));
  const songMaker = config.sampleEvery > 0 ? parts.openSongMaker(modelFolder, config.threads) : undefined;
  const warnings: string[] = [];
  if (samples.madeWith.fingerprint !== model.fingerprint) {
    warnings.push(
      `the songs were preprocessed with ${samples.madeWith.name}, another checkpoint than ${given.model}; preprocess them with the model they are trained on`,
    );
  }

  const folder = RunFolder.open(config.output, parts.files);
  opened.onDisk(() => {
    folder.release();
  });
  if (resuming) warnings.push(...checkChanges(config, parts.files, options));
  const checkpoint = resuming ? folder.newestCheckpoint((message) => warnings.push(message)) : undefined;
  const decoder = await device.openDecoder(modelFolder);
  opened.native(() => {
    decoder.close();
  });
  const adapter = await decoder.createAdapter(adapterConfigOf(config.adapter, model.layers), config.seed);
  opened.native(() => {
    adapter.close();
  });
  if (checkpoint !== undefined) {
    const { missing, unexpected } = await adapter.setTensors(checkpoint.adapter);
    if (missing.length + unexpected.length > 0) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${checkpoint.folder}: its adapter is another one (missing: ${missing.join(", ") || "none"}; unexpected: ${unexpected.join(", ") || "none"})`,
      );
    }
  }
  const session = await adapter.openSession(sessionConfigOf(config, model));
  opened.native(() => {
    session.close();
  });
  const handles: number[] = [];
  for (let i = 0; i < samples.songs.length; i++) handles.push(await session.addSample(await samples.read(i)));
  if (checkpoint !== undefined) await session.setState(checkpoint.optimizer);

  const progress = checkpoint?.progress ?? beginning(config);
  folder.writeConfig(config);
  const { events, tensorboard } = runPaths(config.output);
  const log = EventLog.open(parts.files, events, progress.step);
  opened.onDisk(() => {
    log.close();
  });
  const tensorBoard = TensorBoardLog.open(parts.files, tensorboard, progress.step);
  opened.onDisk(() => {
    tensorBoard.close();
  });
  const plan: RunPlan = { ...steps, parameters: adapter.parameterCount, memory };
  const started: StartedEvent = {
    type: "started",
    step: progress.step,
    run: config.output,
    config,
    plan,
    device: device.info,
    ...(checkpoint && { resumedFrom: checkpoint.folder }),
  };
  return {
    config,
    model,
    samples,
    split,
    plan,
    folder,
    adapter,
    session,
    handles,
    log,
    tensorBoard,
    songMaker,
    progress,
    started,
    warnings,
  };
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
  };
}

/** Whether the folder holds a run to go on with; refuses to begin over one, and to write among foreign files. */
function refuseOrResume(run: string, { resume = false }: ResumeOptions, files: Files): boolean {
  if (files.existsSync(runPaths(run).config)) {
    if (resume !== false) return true;
    throw new AceError(
      "ERR_CONFIG",
      `${run}: already holds a run; resume it, or choose another output folder`,
    );
  }
  if (resume === true) throw new AceError("ERR_FILE", `${run}: holds no run to resume (no config.json)`);
  // A process killed while it began leaves these and nothing of worth.
  const known = /^(run\.lock|checkpoints|\.(tmp|old)-.*|\.config\.json\..*\.tmp)$/;
  const foreign = files.existsSync(run)
    ? files.readdirSync(run).find((name) => !known.test(name))
    : undefined;
  if (foreign === undefined) return false;
  throw new AceError(
    "ERR_CONFIG",
    `${run}: is not empty and no run (it holds ${JSON.stringify(foreign)}); choose another output folder`,
  );
}

function refuseOtherWidth(config: TrainConfig, samples: SampleSource, model: ModelConfig): void {
  const { encoderHiddenSize } = model;
  if (samples.songs.length === 0 || samples.encoderHiddenSize === encoderHiddenSize) return;
  throw new AceError(
    "ERR_SHAPE",
    `${config.tensors}: encoder_hidden_states are ${samples.encoderHiddenSize} wide, the model ${config.model} expects ${encoderHiddenSize}; preprocess the songs with this model`,
  );
}

function checkChanges(config: TrainConfig, files: Files, options: ResumeOptions): string[] {
  const changes = configChanges(readRunConfig(config.output, files), config);
  if (changes.length === 0) return [];
  const list = describeChanges(changes);
  if (options.allowChanges === true) return [`resumed with other settings than before: ${list}`];
  throw new AceError(
    "ERR_CONFIG",
    `${config.output}: cannot resume with other settings (${list}); use those of its config.json, or allow changes and give up equality with an uninterrupted run`,
  );
}
