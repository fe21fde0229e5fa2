import { flatten } from "./config-diff.js";
import { attentionProjections } from "./adapter-settings.js";
import { parseConfig } from "./parse-config.js";
import { bestCriterion, type TrainConfig } from "./train-config.js";

/** Settings that only count beside another one: what that is, and whether it is missing. */
interface Need {
  readonly fields: readonly string[];
  readonly needs: string;
  readonly isMissing: (config: TrainConfig) => boolean;
}

const needs: readonly Need[] = [
  {
    fields: ["schedulePower"],
    needs: "schedule polynomial",
    isMissing: ({ schedule }) => schedule !== "polynomial",
  },
  {
    fields: ["scheduleRestarts"],
    needs: "schedule cosine-restarts",
    isMissing: ({ schedule }) => schedule !== "cosine-restarts",
  },
  {
    fields: ["minLrRatio"],
    needs: "a schedule that falls",
    isMissing: ({ schedule }) => schedule === "constant" || schedule === "custom",
  },
  { fields: ["warmupStartFactor"], needs: "warmupSteps", isMissing: ({ warmupSteps }) => warmupSteps === 0 },
  {
    fields: ["targetLossFloor", "targetLossWarmup", "targetLossSmoothing"],
    needs: "targetLoss",
    isMissing: ({ targetLoss }) => targetLoss === undefined,
  },
  {
    fields: ["cropPlacement"],
    needs: "cropSeconds or cropFrames",
    isMissing: ({ cropSeconds, cropFrames }) => cropSeconds === undefined && cropFrames === undefined,
  },
  {
    fields: ["regularizationRatio", "regularizationWeight"],
    needs: "regularization",
    isMissing: ({ regularization }) => regularization === undefined,
  },
  {
    fields: ["validationFraction", "validationDraws"],
    needs: "validationEvery",
    isMissing: ({ validationEvery }) => validationEvery === 0,
  },
  {
    fields: ["bestAfterEpochs", "minImprovement"],
    needs: "validationEvery, or bestBy loss",
    isMissing: (config) => bestCriterion(config) === "never",
  },
  {
    fields: ["samplePrompts", "sampleAudio"],
    needs: "sampleEvery",
    isMissing: ({ sampleEvery }) => sampleEvery === 0,
  },
  {
    fields: ["adapter.rankDropoutScale"],
    needs: "adapter.rankDropout",
    isMissing: ({ adapter }) => "rankDropout" in adapter && adapter.rankDropout === 0,
  },
  {
    fields: ["adapter.decomposeBoth"],
    needs: "adapter.fullMatrix off",
    isMissing: ({ adapter }) => adapter.kind === "lokr" && adapter.fullMatrix,
  },
  {
    fields: ["adapter.attentionType"],
    needs: `one of ${attentionProjections.join(", ")} by its bare name in adapter.targetModules`,
    isMissing: ({ adapter }) => !attentionProjections.some((name) => adapter.targetModules.includes(name)),
  },
  {
    fields: ["decayVectors"],
    needs: "an adapter with magnitudes (dora, or adapter.weightDecompose)",
    isMissing: ({ adapter }) =>
      adapter.kind === "lora" || ("weightDecompose" in adapter && !adapter.weightDecompose),
  },
  {
    fields: ["optimizer.scaleEpsilon"],
    needs: "optimizer.scaleParameter",
    isMissing: ({ optimizer }) => optimizer.kind === "adafactor" && !optimizer.scaleParameter,
  },
];

/** Read once more with nothing set but what decides which settings there are: the defaults. */
function defaultsBeside({ adapter, optimizer }: TrainConfig): Map<string, unknown> {
  const kinds = { adapter: { kind: adapter.kind }, optimizer: { kind: optimizer.kind } };
  return flatten(parseConfig({ tensors: ".", model: ".", output: ".", ...kinds }));
}

/**
 * A line for each setting that was given and does nothing as the others are: said before the run, it is a slip; found after
 * it, a day lost. A value equal to its default says nothing.
 */
export function unusedSettings(config: TrainConfig): string[] {
  const [given, defaults] = [flatten(config), defaultsBeside(config)];
  const lines = needs.flatMap(({ fields, needs: what, isMissing }) => {
    if (!isMissing(config)) return [];
    const set = fields.filter(
      (field) => given.has(field) && JSON.stringify(given.get(field)) !== JSON.stringify(defaults.get(field)),
    );
    return set.map((field) => lineOf(field, given.get(field), what));
  });
  const { optimizer, schedule } = config;
  if (optimizer.kind === "schedulefree" && schedule !== "constant")
    lines.push(
      `optimizer schedulefree averages its weights in place of a schedule, and schedule ${schedule} lowers its rate besides; it is made for schedule constant`,
    );
  return lines;
}

function lineOf(field: string, value: unknown, what: string): string {
  if (field === "validationFraction")
    return `${field} ${String(value)} holds songs out of the training, and nobody asks them: set ${what}`;
  return `${field} ${String(value)} does nothing here: it needs ${what}`;
}
