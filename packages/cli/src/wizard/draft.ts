import { TrainConfig } from "@acewright/trainer";
import type { Preset, SettingGroup } from "@acewright/trainer";
import type { Judge } from "./settings/ask-setting.js";
import type { EditedSettings } from "./settings/edit-settings.js";
import type { Values } from "../choices/values.js";

/** What is decided on the way to a training. */
export interface Draft {
  preset: Preset | undefined;
  values: Values;
}

/** What stands beside the settings while they are judged one by one. */
export const trainingJudge: Judge = {
  schema: TrainConfig,
  beside: { tensors: ".", model: ".", output: "." },
};

/** A group of the draft's settings as a list to change. */
export function listedGroup({ fields }: SettingGroup, draft: Draft): EditedSettings {
  return {
    values: draft.values,
    judge: trainingJudge,
    takes: ({ path: [top = ""] }) => fields.includes(top),
    keep: (values) => {
      draft.values = values;
    },
  };
}
