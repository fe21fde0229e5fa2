import * as z from "zod";
import { deviceSetting } from "../config/device-setting.js";
import { recomputeSetting } from "../config/recompute-setting.js";

const rank = (words: string, flag: string, fallback: number) =>
  z.int().min(1).max(4096).default(fallback).describe(words).meta({ flag });

/** How an estimation looks at model and songs; flags and help are derived from it. */
export const EstimateSettings = z
  .strictObject({
    tensors: z.string().min(1).describe("Folder of preprocessed tensors").meta({ flag: "tensors" }),
    model: z
      .string()
      .min(1)
      .describe("Folder of the base model's checkpoint (config.json and safetensors)")
      .meta({ flag: "model" }),
    rank: rank("Rank of a module of middling importance", "rank", 64),
    rankMin: rank("Least rank given to a chosen module", "rank-min", 16),
    rankMax: rank("Largest rank given to a module", "rank-max", 128),
    parameterBudget: z
      .int()
      .min(1)
      .optional()
      .describe("Trainable parameters of the adapter at most: the base rank is lowered until it holds")
      .meta({ flag: "parameter-budget" }),
    timestepFocus: z
      .string()
      .regex(/^(balanced|texture|structure|(0|0?\.\d+),(1|1\.0|0?\.\d+))$/)
      .meta({ form: "balanced, texture, structure, or two numbers such as 0.2,0.7" })
      .default("balanced")
      .describe(
        "Which noise levels count: balanced (as trained), texture (0 to 0.4), structure (0.6 to 1), or two numbers such as 0.2,0.7",
      )
      .meta({ flag: "timestep-focus" }),
    runs: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe(
        "Passes over the songs, each with its own choice and noise; default: 2 up to 10 songs, else 3",
      )
      .meta({ flag: "runs" }),
    batches: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe("Songs looked at in a pass at most; default: all, up to 50")
      .meta({ flag: "batches" }),
    patience: z
      .int()
      .min(0)
      .max(1000)
      .default(5)
      .describe(
        "A pass ends when the twenty most important modules have kept their order so often; 0: never early",
      )
      .meta({ flag: "convergence-patience" }),
    spectrum: z
      .boolean()
      .default(true)
      .describe("Weigh the effective rank of each base weight as well; takes minutes on a large model, once")
      .meta({ flag: "spectrum" }),
    cropSeconds: z
      .number()
      .gt(0)
      .max(600)
      .optional()
      .describe("Length of random crops in seconds; default: whole songs")
      .meta({ flag: "crop-seconds" }),
    seed: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER - 1000)
      .default(1729)
      .describe("Seed of the choice of songs, noise and timesteps")
      .meta({ flag: "seed" }),
    recompute: recomputeSetting.describe(
      "What the backward pass computes again to save memory; auto: the fastest that fits",
    ),
    device: deviceSetting,
    threads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe("Threads of the CPU device; default: the machine's cores")
      .meta({ flag: "threads" }),
  })
  .superRefine(({ rankMin, rankMax, timestepFocus }, context) => {
    const refuse = (path: string, message: string) => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    if (rankMin > rankMax) refuse("rankMin", `must not be above rankMax (${rankMax})`);
    const [low = 0, high = 1] = timestepFocus.split(",").map(Number);
    if (low >= high) refuse("timestepFocus", "must name a lower and then a higher timestep");
  });

export type EstimateSettings = z.infer<typeof EstimateSettings>;
export type EstimateSettingsInput = z.input<typeof EstimateSettings>;
