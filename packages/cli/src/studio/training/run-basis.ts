import { TrainConfig } from "@acewright/trainer";
import { textsOf, withoutDefaults } from "../form/read-texts.js";
import type { StudioParts } from "../open-studio.js";
import type { TrainBasis } from "../train-api.js";
import { omitted } from "./train-choices.js";

/** What a run resolved for its own device: another training chooses anew. */
const ofTheMachine = ["device", "threads", "recompute"] as const;

/**
 * The settings of a run to begin another from, and what it was trained on.
 *
 * @throws {AceError} ERR_FILE when the folder holds no run.
 */
export function runBasis(folder: string, { workspace, survey }: StudioParts): TrainBasis {
  const { config } = survey.summary(folder);
  const left: readonly string[] = [...omitted, ...ofTheMachine];
  const settings = Object.fromEntries(Object.entries(config).filter(([key]) => !left.includes(key)));
  return {
    settings: textsOf(TrainConfig, withoutDefaults(TrainConfig, settings), { omit: omitted }),
    ...(workspace.has(config.tensors) ? { tensors: workspace.show(config.tensors) } : {}),
    ...(workspace.has(config.model) ? { model: workspace.show(config.model) } : {}),
  };
}
