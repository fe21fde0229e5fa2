import { epochFields } from "./epochs.js";
import { learningRateFields } from "./learning-rate.js";
import { objectiveFields } from "./objective.js";
import { optimizerFields } from "./optimizer.js";
import { TrainConfig } from "./train-config.js";
import { watchingFields } from "./watching.js";

/** Settings that are asked together, in the order in which a training is thought out. */
export interface SettingGroup {
  readonly name: string;
  readonly title: string;
  /** Top-level fields of {@link TrainConfig}. */
  readonly fields: readonly string[];
  /** Dotted paths of those that everyone should think of. */
  readonly basic: readonly string[];
}

const cropping = ["cropSeconds", "cropFrames", "cropPlacement"];

const named: readonly SettingGroup[] = [
  {
    name: "adapter",
    title: "Adapter",
    fields: ["adapter", "from", "trigger"],
    basic: ["adapter.kind", "adapter.rank", "adapter.alpha", "trigger"],
  },
  {
    name: "training",
    title: "Training",
    fields: [
      ...Object.keys(epochFields).filter((field) => !cropping.includes(field)),
      ...Object.keys(learningRateFields),
      ...Object.keys(optimizerFields),
      "maxGradNorm",
      "seed",
    ],
    basic: ["epochs", "learningRate"],
  },
  { name: "conditions", title: "Timesteps and conditions", fields: Object.keys(objectiveFields), basic: [] },
  { name: "cropping", title: "Cropping", fields: cropping, basic: ["cropSeconds"] },
  {
    name: "logging",
    title: "Saving, listening and logging",
    fields: Object.keys(watchingFields),
    basic: ["saveEveryEpochs"],
  },
];

/** Asked as places, or written by a run itself. */
const asked = ["tensors", "model", "output", "environment"];

/** Every setting in one group; what no other group speaks of is for the advanced. */
export const settingGroups: readonly SettingGroup[] = [
  ...named,
  {
    name: "advanced",
    title: "Machine and memory",
    fields: Object.keys(TrainConfig.in.shape).filter(
      (field) => !asked.includes(field) && !named.some(({ fields }) => fields.includes(field)),
    ),
    basic: [],
  },
];
