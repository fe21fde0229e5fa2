import * as z from "zod";
import { schedules } from "../plan/learning-rate.js";
import { scheduleTemplates } from "../plan/schedule-formula.js";
import { defaultLearningRates } from "./optimizer.js";

function describeDefaults(): string {
  const kinds = new Map<number, string[]>();
  for (const [kind, rate] of Object.entries(defaultLearningRates))
    kinds.set(rate, [...(kinds.get(rate) ?? []), kind]);
  return [...kinds].map(([rate, names]) => `${rate} for ${names.join(", ")}`).join("; ");
}

/** What each step is made at. */
export const learningRateFields = {
  learningRate: z
    .number()
    .gt(0)
    .max(100)
    .optional()
    .describe(`Peak learning rate; default: ${describeDefaults()}`)
    .meta({ flag: "learning-rate" }),
  schedule: z
    .enum(schedules)
    .default("cosine")
    .describe("Course of the learning rate after the warm-up")
    .meta({ flag: "schedule" }),
  scheduleRestarts: z
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe("cosine-restarts: equal parts of the run, each a cosine of its own")
    .meta({ flag: "schedule-restarts" }),
  schedulePower: z
    .number()
    .gt(0)
    .max(16)
    .default(2)
    .describe("polynomial: the power by which the rate falls")
    .meta({ flag: "schedule-power" }),
  scheduleFormula: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      `custom: the learning rate as a formula of step, total_steps, progress, epoch, total_epochs, steps_per_epoch and base_lr, such as base_lr * 0.5 ** (epoch // 10), or one of the names ${Object.keys(scheduleTemplates).join("; ")}`,
    )
    .meta({ flag: "schedule-formula" }),
  warmupSteps: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(100)
    .describe("Steps of linear warm-up, at most a tenth of the run; 0: none")
    .meta({ flag: "warmup-steps" }),
  warmupStartFactor: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("Share of the learning rate the warm-up begins with")
    .meta({ flag: "warmup-start-factor" }),
  targetLoss: z
    .number()
    .gt(0)
    .max(100)
    .optional()
    .describe("Let the learning rate fall as the smoothed loss comes near this one; default: off")
    .meta({ flag: "target-loss" }),
  targetLossFloor: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe("Share of the learning rate that is left at the target loss")
    .meta({ flag: "target-loss-floor" }),
  targetLossWarmup: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(50)
    .describe("Steps, at least those of the warm-up, before the target loss takes hold")
    .meta({ flag: "target-loss-warmup" }),
  targetLossSmoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0.98)
    .describe("Weight of the past in the smoothed loss that is held against the target")
    .meta({ flag: "target-loss-smoothing" }),
  minLrRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe("Share of the learning rate that cosine, each of its restarts, linear and polynomial end with")
    .meta({ flag: "min-lr-ratio" }),
};
