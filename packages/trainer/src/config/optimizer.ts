import type { OptimizerConfig } from "@acewright/core-native";
import * as z from "zod";

const beta1 = z
  .number()
  .min(0)
  .lt(1)
  .default(0.9)
  .describe("Decay of the mean of gradients; of adafactor 0: keep none")
  .meta({ flag: "beta1" });
const beta2 = z
  .number()
  .min(0)
  .lt(1)
  .default(0.999)
  .describe("Decay of the mean of squared gradients; of lion the mean's own")
  .meta({ flag: "beta2" });
const epsilon = z
  .number()
  .gt(0)
  .max(1)
  .default(1e-8)
  .describe("Added to the root of the squared mean")
  .meta({ flag: "epsilon" });
const weightDecay = z
  .number()
  .min(0)
  .max(10)
  .default(0.01)
  .describe("Decoupled weight decay")
  .meta({ flag: "weight-decay" });
const adam = { beta1, beta2, epsilon, weightDecay };

const adafactor = {
  beta1: beta1.default(0),
  weightDecay: weightDecay.default(0),
  decayExponent: z
    .number()
    .min(-2)
    .lt(0)
    .default(-0.8)
    .describe("The decay of squared gradients is 1 - step to this power")
    .meta({ flag: "decay-exponent" }),
  clipThreshold: z
    .number()
    .gt(0)
    .max(1e6)
    .default(1)
    .describe("Root mean square an update of one tensor is clipped to")
    .meta({ flag: "clip-threshold" }),
  squaresEpsilon: z
    .number()
    .gt(0)
    .max(1)
    .default(1e-30)
    .describe("Added to squared gradients")
    .meta({ flag: "squares-epsilon" }),
  scaleEpsilon: z
    .number()
    .gt(0)
    .max(1)
    .default(1e-3)
    .describe("Least size of a tensor for scaleParameter")
    .meta({ flag: "scale-epsilon" }),
  scaleParameter: z
    .boolean()
    .default(false)
    .describe("The learning rate is relative to each tensor's root mean square")
    .meta({ flag: "scale-parameter" }),
  relativeStep: z
    .boolean()
    .default(false)
    .describe("The learning rate is at most 1 / sqrt(step)")
    .meta({ flag: "relative-step" }),
};

const prodigy = {
  ...adam,
  beta2: beta2.default(0.99),
  initialDistance: z
    .number()
    .gt(0)
    .max(1)
    .default(1e-6)
    .describe("First estimate of the distance to the solution, which is the learning rate's unit")
    .meta({ flag: "initial-distance" }),
  distanceCoefficient: z
    .number()
    .gt(0)
    .max(100)
    .default(1)
    .describe("Factor of the estimated distance: the way to make Prodigy bolder or gentler")
    .meta({ flag: "distance-coefficient" }),
  growthRate: z
    .number()
    .gt(1)
    .max(1e6)
    .optional()
    .describe("The estimate grows by this factor a step at most; default: without limit")
    .meta({ flag: "growth-rate" }),
  beta3: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe("Decay of the estimate's sums; default: the root of beta2")
    .meta({ flag: "beta3" }),
  safeguardWarmup: z
    .boolean()
    .default(true)
    .describe("Keep the warm-up's small learning rates out of the estimate")
    .meta({ flag: "safeguard-warmup" }),
  biasCorrection: z
    .boolean()
    .default(true)
    .describe("Correct the means of the first steps as Adam does")
    .meta({ flag: "bias-correction" }),
};

const muon = {
  ...adam,
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .default(0.95)
    .describe("Decay of the momentum that is orthogonalised")
    .meta({ flag: "momentum" }),
  nesterov: z.boolean().default(true).describe("Look one step of momentum ahead").meta({ flag: "nesterov" }),
  matchAdamw: z
    .boolean()
    .default(true)
    .describe("Scale updates to AdamW's size, so that its learning rates fit")
    .meta({ flag: "match-adamw" }),
};

const adamw = z.strictObject({ kind: z.literal("adamw"), ...adam });
const kinds = z.discriminatedUnion("kind", [
  adamw,
  z.strictObject({ kind: z.literal("adamw8bit"), ...adam }),
  z.strictObject({ kind: z.literal("adafactor"), ...adafactor }),
  z.strictObject({ kind: z.literal("prodigy"), ...prodigy }),
  z.strictObject({
    kind: z.literal("lion"),
    beta1,
    beta2: beta2.default(0.99),
    weightDecay: weightDecay.default(0.1),
  }),
  z.strictObject({ kind: z.literal("schedulefree"), ...adam }),
  z.strictObject({ kind: z.literal("muon"), ...muon }),
]);

/** Settings of an optimizer, by kind; each kind knows only its own fields. */
export type OptimizerSettings = z.output<typeof kinds>;
/** What a user may write: without a kind it is AdamW. */
export type OptimizerInput = z.input<typeof kinds> | Omit<z.input<typeof adamw>, "kind">;

function named(value: unknown): unknown {
  const open = typeof value === "object" && value !== null && !Array.isArray(value) && !("kind" in value);
  return open ? { kind: "adamw", ...value } : value;
}

export const OptimizerSettings: z.ZodType<OptimizerSettings, OptimizerInput> = z.preprocess(
  named,
  kinds,
) as unknown as z.ZodType<OptimizerSettings, OptimizerInput>;

/**
 * Peak learning rate where none is given. Prodigy's is a factor of what it estimates; Lion's steps have the size of
 * their learning rate in every number; Muon's are scaled to AdamW's.
 */
export const defaultLearningRates: Readonly<Record<OptimizerSettings["kind"], number>> = {
  adamw: 1e-4,
  adamw8bit: 1e-4,
  adafactor: 1e-4,
  prodigy: 1,
  lion: 2e-5,
  schedulefree: 2.5e-4,
  muon: 1e-4,
};

export const optimizerFields = {
  optimizer: OptimizerSettings.prefault({ kind: "adamw" })
    .describe("Optimizer: how gradients become steps")
    .meta({ flag: "optimizer" }),
  emaDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "Decay of a running average of the adapter's weights, which is then what is validated, heard and kept; 0.99 to 0.9999 are usual, 0: no average",
    )
    .meta({ flag: "ema-decay" }),
  decayVectors: z
    .boolean()
    .default(false)
    .describe("Weight decay for the magnitudes of dora and weightDecompose as well")
    .meta({ flag: "decay-vectors" }),
  learningRatePattern: z
    .record(z.string().min(1).max(256), z.number().gt(0).max(1e6))
    .optional()
    .describe("Factor of the learning rate by module name or pattern; the longest match wins")
    .meta({ flag: "learning-rate-pattern" }),
  loraPlusRatio: z
    .number()
    .gt(0)
    .max(1e4)
    .default(1)
    .describe("LoRA+: learning rate of lora's and dora's B factors over that of all else")
    .meta({ flag: "lora-plus-ratio" }),
};

/** What the native core is told of a run's optimizer. */
export function nativeOptimizer(config: {
  readonly optimizer: OptimizerSettings;
  readonly emaDecay: number;
}): OptimizerConfig {
  return { ...config.optimizer, emaDecay: config.emaDecay };
}
