/** What the training room and the server tell each other. Types only. */

import type { MemoryVerdict, PlannedRun, SuggestedChoice } from "@acewright/trainer";
import type { Job } from "./api.js";
import type { FormGroup, FormProblem, Texts } from "./form-api.js";

export interface TrainForm {
  readonly groups: readonly FormGroup[];
  readonly presets: readonly PresetRow[];
  /** Presets that could not be read, and why. */
  readonly unreadable: readonly string[];
}

export interface PresetRow {
  readonly name: string;
  readonly description: string;
  /** The person's own, not a built-in one. */
  readonly own: boolean;
}

/** What was decided on the way to a training. */
export interface TrainChoices {
  readonly tensors: string;
  readonly model: string;
  readonly output: string;
  /** Empty for none. */
  readonly preset: string;
  readonly settings: Texts;
}

/** Settings to begin from. */
export interface TrainBasis {
  readonly settings: Texts;
  /** Of a run: what it was trained on, where that is still there. */
  readonly tensors?: string;
  readonly model?: string;
  /** Of `auto`: why. */
  readonly choices?: readonly SuggestedChoice[];
}

/** What the choices come to, said at once. */
export interface TrainCheck {
  readonly problems: readonly FormProblem[];
  /** The same as a command line; empty while something is wrong. */
  readonly line: string;
}

/** What would make a run fit, as texts to take over. */
export interface CureRow {
  readonly words: string;
  readonly totalBytes: number;
  readonly settings: Texts;
}

export interface TrainPlan {
  readonly plan: PlannedRun;
  /** Numbers that are trained. */
  readonly parameters: number;
  /** `rank 64`, or the ranks of single modules. */
  readonly ranks: string;
  readonly cures: readonly CureRow[];
  /** Every setting written out: what a field that is left open comes to. */
  readonly resolved: Texts;
  /** Another job runs, and holds memory that the plan cannot count on. */
  readonly busy: boolean;
}

export type { MemoryVerdict };

/** What trains here. */
export interface TrainDevice {
  readonly name: string;
  readonly description: string;
  readonly instructionSet: string;
  readonly memoryBytes: number;
  readonly freeBytes: number;
  /** Why there is no GPU to train on; absent where there is one. */
  readonly whyNoGpu?: string;
}

/** What was started, or waits for the jobs before it. */
export interface TrainStarted {
  readonly job: Job;
  readonly run: string;
}
