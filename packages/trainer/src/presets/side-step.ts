/** A preset of Side-Step in our terms, and what of it has no counterpart. */
interface Translated {
  readonly description: string;
  readonly config: Record<string, unknown>;
  readonly dropped: string[];
}

type Where = readonly [path: string, translate?: (value: unknown) => unknown];

const words = (value: unknown): unknown =>
  typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : value;
/** Side-Step switches these off by 0, we by leaving them out. */
const unlessZero = (value: unknown): unknown => (value === 0 ? undefined : value);

/** Keys that mean the same here; the place in our configuration. */
const same: Readonly<Record<string, Where>> = {
  adapter_type: ["adapter.kind"],
  rank: ["adapter.rank"],
  alpha: ["adapter.alpha"],
  dropout: ["adapter.dropout"],
  target_modules_str: ["adapter.targetModules", words],
  attention_type: ["adapter.attentionType"],
  target_mlp: ["adapter.targetMlp"],
  learning_rate: ["learningRate"],
  batch_size: ["batchSize"],
  gradient_accumulation: ["gradientAccumulation"],
  epochs: ["epochs"],
  max_steps: ["maxSteps", unlessZero],
  dataset_repeats: ["datasetRepeats"],
  warmup_steps: ["warmupSteps"],
  weight_decay: ["optimizer.weightDecay"],
  max_grad_norm: ["maxGradNorm"],
  seed: ["seed"],
  optimizer_type: ["optimizer.kind"],
  scheduler_type: ["schedule"],
  cfg_ratio: ["conditionDropout"],
  save_every: ["saveEveryEpochs", unlessZero],
  save_best: ["bestBy", (value) => (value === false ? "never" : undefined)],
  save_best_after: ["bestAfterEpochs"],
  target_loss: ["targetLoss", unlessZero],
  log_every: ["logEvery"],
  log_heavy_every: ["logHeavyEvery"],
};

/** Keys only Side-Step writes: any of them tells its presets from ours. */
export function isSideStep(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Object.hasOwn(value, "config")) return false;
  return Object.keys(value).some((key) => Object.hasOwn(same, key));
}

/** Takes over what means the same; `dropped` names the rest. Values are checked by whoever takes the result. */
export function fromSideStep(preset: Readonly<Record<string, unknown>>): Translated {
  const config: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const [key, value] of Object.entries(preset)) {
    if (key === "name" || key === "description") continue;
    const where = Object.hasOwn(same, key) ? same[key] : undefined;
    const lycoris = preset["adapter_type"] === "lokr" || preset["adapter_type"] === "loha";
    if (where === undefined) dropped.push(`${key} (no counterpart)`);
    else if (key === "dropout" && lycoris) dropped.push("dropout (this adapter has none)");
    else {
      const [path, translate = (same: unknown) => same] = where;
      const translated = translate(value);
      if (translated !== undefined) put(config, path.split("."), translated);
    }
  }
  const { description } = preset;
  // An optimizer or adapter without a kind is the default one, said here since a union needs its tag.
  for (const [part, kind] of [
    ["adapter", "lora"],
    ["optimizer", "adamw"],
  ] as const) {
    const settings = config[part];
    if (typeof settings === "object") config[part] = { kind, ...settings };
  }
  return { description: typeof description === "string" ? description : "", config, dropped };
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = "", ...rest] = path;
  if (rest.length === 0) target[head] = value;
  else put((target[head] ??= {}) as Record<string, unknown>, rest, value);
}
