import type { DeviceInfo } from "@acewright/core-native";
import type { PlannedRun, SuggestedChoice, SuggestedSettings, TrainConfigInput } from "@acewright/trainer";
import type { Failure } from "../../failure.js";

/** What the planning process is asked. */
export type Question =
  | { readonly about: "plan"; readonly config: TrainConfigInput; readonly measure: boolean }
  | { readonly about: "suggestion"; readonly config: TrainConfigInput }
  | { readonly about: "device" };

export interface Answers {
  readonly plan: PlannedRun;
  readonly suggestion: {
    readonly settings: SuggestedSettings;
    readonly choices: readonly SuggestedChoice[];
  };
  readonly device: {
    /** The one that `auto` takes. */
    readonly device: DeviceInfo;
    /** What there is of CUDA, or what is missing. */
    readonly cuda: { readonly usable: boolean; readonly text: string };
  };
}

/** What it says: an answer, or why there is none. */
export type Said = { readonly answer: Answers[keyof Answers] } | { readonly failure: Failure };
