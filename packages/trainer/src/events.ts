import type { DeviceUse } from "./watch/device-use.js";
import type { DeviceInfo, MemoryPlan } from "@acewright/core-native";
import type { ResolvedConfig } from "./config/train-config.js";
import type { RecomputeChoice } from "./plan/recompute.js";

/** The run has been checked, opened and planned; nothing has been trained yet. */
export interface StartedEvent {
  readonly type: "started";
  /** Steps already done: 0, or the checkpoint's where the run goes on. */
  readonly step: number;
  readonly run: string;
  /** Every choice written out, as in the run's config.json. */
  readonly config: ResolvedConfig;
  readonly plan: RunPlan;
  readonly device: DeviceInfo;
  /** The checkpoint the run goes on from. */
  readonly resumedFrom?: string;
}

/** What a run comes to. */
export interface RunPlan {
  readonly trainingSongs: number;
  /** Songs of the regularization set; absent without one. */
  readonly regularizationSongs?: number;
  readonly validationSongs: number;
  readonly batchesPerEpoch: number;
  readonly stepsPerEpoch: number;
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  readonly epochs: number;
  readonly parameters: number;
  readonly memory: MemoryPlan;
  readonly recompute: RecomputeChoice;
}

/** One optimizer step is done. */
export interface StepEvent {
  readonly type: "step";
  /** Steps done, this one included. */
  readonly step: number;
  /** Epoch the step belongs to, from 1. */
  readonly epoch: number;
  /** Mean squared error; NaN or infinite where `skipped`. */
  readonly loss: number;
  /** Of the songs of the regularization set alone, without their weight; absent in a step that has none. */
  readonly regularizationLoss?: number;
  /** Global L2 norm before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  readonly samplesPerSecond: number;
  /** Seconds a step takes, as the recent ones did; what lies between steps is not in it. */
  readonly secondsPerStep: number;
  /**
   * Seconds until the run's end: the steps left, and the validations and samples still to come, by what they took so far. Before
   * the first of a kind was made, its work beside a step's is the estimate.
   */
  readonly etaS: number;
  /** Nothing was updated, because the loss or the gradient was not finite. */
  readonly skipped: boolean;
  /** There where the step was skipped. */
  readonly notFinite?: NotFinite;
}

/** How strongly each module was pulled at in a step, every `logHeavyEvery` of them. */
export interface GradNormsEvent {
  readonly type: "gradNorms";
  readonly step: number;
  /** L2 norm of each module's gradient before clipping, by its full name, in the model's order. */
  readonly modules: Readonly<Record<string, number>>;
}

/** What was NaN or infinite in a step, and where to look. */
export interface NotFinite {
  readonly what: "loss" | "gradient";
  /** Samples whose loss is not finite; for a gradient, all of the step. */
  readonly samples: readonly { readonly song: string; readonly timestep: number }[];
  /** Modules whose gradient is not finite, in the model's order: of a gradient that broke on its way back, the last is the first. */
  readonly modules: readonly string[];
}

/** The fixed questions were asked; smaller is better, and values of one run can be compared. */
export interface ValidationEvent {
  readonly type: "validation";
  readonly step: number;
  readonly loss: number;
  /** The lowest so far; the adapter was then written to `best/`, where validation decides it. */
  readonly best: boolean;
  /** The same loss by parts of the timesteps' range; parts without a question are left out. */
  readonly byTimestep: readonly TimestepLoss[];
}

/** Mean loss over timesteps in [from, to). */
export interface TimestepLoss {
  readonly from: number;
  readonly to: number;
  readonly loss: number;
  readonly samples: number;
}

/** The mean training loss of five epochs is lower than ever; the adapter was written to `best/`. */
export interface BestEvent {
  readonly type: "best";
  readonly step: number;
  readonly loss: number;
}

/** How the device is used, every `logHeavyEvery` steps; absent where it cannot be known. */
export interface DeviceEvent extends DeviceUse {
  readonly type: "device";
  readonly step: number;
}

/** A checkpoint is complete on disk. */
export interface CheckpointEvent {
  readonly type: "checkpoint";
  readonly step: number;
  readonly folder: string;
}

/** A song made with the adapter as it is now; at step 0 it is the model's own. */
export interface SampleEvent {
  readonly type: "sample";
  readonly step: number;
  readonly file: string;
  /** There where a prompts file asked for it: its place in the file, from 1, and its words. */
  readonly prompt?: { readonly number: number; readonly caption: string };
}

/** Something the user should know, which does not stop the run. */
export interface WarningEvent {
  readonly type: "warning";
  readonly step: number;
  readonly message: string;
}

/** All steps are done; the adapter lies in `final/`. */
export interface FinishedEvent {
  readonly type: "finished";
  readonly step: number;
  /** Folder of the trained adapter. */
  readonly folder: string;
  /** Steps that changed nothing because of a NaN. */
  readonly skippedSteps: number;
  /** Largest change the adapter makes to any weight. */
  readonly effect: number;
  /** There where no better adapter came for as long as the patience lasts: which one was the best. */
  readonly stoppedEarly?: { readonly best: { readonly step: number; readonly loss: number } };
}

/** Training was stopped from outside; with a checkpoint it can go on. */
export interface InterruptedEvent {
  readonly type: "interrupted";
  readonly step: number;
  /** The newest checkpoint, if there is one. */
  readonly checkpoint?: string;
}

/** Everything `train` tells, in the order it happened. */
export type TrainEvent =
  | StartedEvent
  | StepEvent
  | GradNormsEvent
  | ValidationEvent
  | BestEvent
  | DeviceEvent
  | CheckpointEvent
  | SampleEvent
  | WarningEvent
  | FinishedEvent
  | InterruptedEvent;
