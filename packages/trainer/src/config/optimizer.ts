import * as z from "zod";

/** The optimizer and its constants. */
export const Optimizer = z.strictObject({
  kind: z.literal("adamw").default("adamw").describe("Optimizer").meta({ flag: "optimizer" }),
  beta1: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe("Decay of the mean of gradients")
    .meta({ flag: "beta1" }),
  beta2: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .describe("Decay of the mean of squared gradients")
    .meta({ flag: "beta2" }),
  epsilon: z
    .number()
    .gt(0)
    .max(1)
    .default(1e-8)
    .describe("Added to the root of the squared mean")
    .meta({ flag: "epsilon" }),
  weightDecay: z
    .number()
    .min(0)
    .max(10)
    .default(0.01)
    .describe("Decoupled weight decay")
    .meta({ flag: "weight-decay" }),
});
