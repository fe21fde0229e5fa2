/** A preset of Side-Step in our terms, and what of it has no counterpart. */
interface Translated {
  readonly description: string;
  readonly config: Record<string, unknown>;
  /** Keys that were left out, each with the reason. */
  readonly dropped: string[];
}

/** Where a value goes in our configuration; `translate` answers undefined for what is said by leaving it out. */
type Where = readonly [path: string, translate?: (value: unknown) => unknown];

const words = (value: unknown): unknown =>
  typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : value;
/** Side-Step switches these off by 0, we by leaving them out. */
const unlessZero = (value: unknown): unknown => (value === 0 ? undefined : value);
const renamed =
  (names: Readonly<Record<string, string>>) =>
  (value: unknown): unknown =>
    typeof value === "string" && Object.hasOwn(names, value) ? names[value] : value;

/** Keys that mean the same here, each kind before what belongs to it. */
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
  optimizer_type: ["optimizer.kind"],
  weight_decay: ["optimizer.weightDecay"],
  max_grad_norm: ["maxGradNorm"],
  seed: ["seed"],
  scheduler_type: [
    "schedule",
    renamed({ cosine_restarts: "cosine-restarts", constant_with_warmup: "constant" }),
  ],
  cfg_ratio: ["conditionDropout"],
  loss_weighting: ["lossWeighting", renamed({ min_snr: "min-snr" })],
  snr_gamma: ["snrGamma"],
  save_every: ["saveEveryEpochs", unlessZero],
  // Its best adapter is the one of the lowest mean training loss.
  save_best: ["bestBy", (value) => (value === true ? "loss" : value === false ? "never" : value)],
  save_best_after: ["bestAfterEpochs"],
  target_loss: ["targetLoss", unlessZero],
  early_stop_patience: ["earlyStopPatience", unlessZero],
  log_every: ["logEvery"],
  log_heavy_every: ["logHeavyEvery"],
};

/** Keys only Side-Step writes: any of them tells its presets from ours. */
export function isSideStep(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Object.hasOwn(value, "config")) return false;
  return Object.keys(value).some((key) => Object.hasOwn(same, key));
}

/**
 * Takes over what means the same. A key without a counterpart, and a value that means nothing here, is left out and told.
 *
 * @param wrongWith what speaks against a configuration, in words; undefined where nothing does.
 */
export function fromSideStep(
  preset: Readonly<Record<string, unknown>>,
  wrongWith: (config: Readonly<Record<string, unknown>>) => string | undefined,
): Translated {
  const { description } = preset;
  const values = Object.fromEntries(
    Object.entries(preset).filter(([key]) => key !== "name" && key !== "description"),
  );
  const dropped = Object.keys(values)
    .filter((key) => !Object.hasOwn(same, key))
    .map((key) => `${key} (no counterpart)`);
  let config: Record<string, unknown> = {};
  for (const [key, [path, translate]] of Object.entries(same)) {
    if (!Object.hasOwn(values, key)) continue;
    const value = translate === undefined ? values[key] : translate(values[key]);
    if (value === undefined) continue;
    const tried = structuredClone(config);
    put(tried, path.split("."), value);
    const wrong = wrongWith(tried);
    if (wrong === undefined) config = tried;
    else dropped.push(`${key} (${wrong})`);
  }
  return { description: typeof description === "string" ? description : "", config, dropped };
}

/** An adapter or optimizer without a kind is the default one, said here since a union needs its tag. */
const defaultKinds: Readonly<Record<string, string>> = { adapter: "lora", optimizer: "adamw" };

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = "", ...rest] = path;
  if (rest.length === 0) target[head] = value;
  else put((target[head] ??= { kind: defaultKinds[head] }) as Record<string, unknown>, rest, value);
}
