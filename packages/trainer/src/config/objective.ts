import * as z from "zod";

/** What the network is asked: timesteps, and what it is told of the song. */
export const objectiveFields = {
  timesteps: z
    .enum(["logit-normal-max2", "logit-normal", "uniform", "discrete", "by-variant"])
    .default("logit-normal-max2")
    .describe(
      "Law of the timesteps: the larger of two logit-normal draws (as the model was trained), one draw, uniform, or a table; by-variant: the table of its sampler for a turbo model, logit-normal-max2 for the others",
    )
    .meta({ flag: "timesteps" }),
  timestepMu: z
    .number()
    .min(-10)
    .max(10)
    .optional()
    .describe("Mean of the logit-normal laws; default: timestep_mu of the model's config.json")
    .meta({ flag: "timestep-mu" }),
  timestepSigma: z
    .number()
    .gt(0)
    .max(10)
    .optional()
    .describe("Deviation of the logit-normal laws; default: timestep_sigma of the model's config.json")
    .meta({ flag: "timestep-sigma" }),
  timestepLow: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe("Lower end of the uniform law; default: 0")
    .meta({ flag: "timestep-low" }),
  timestepHigh: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Upper end of the uniform law; default: 1")
    .meta({ flag: "timestep-high" }),
  timestepTable: z
    .array(z.number().gt(0).max(1))
    .min(1)
    .max(64)
    .optional()
    .describe(
      "Values of the discrete law; default: the eight times of the turbo sampler, at shift 3 (turbo-shift1: 1)",
    )
    .meta({ flag: "timestep-table" }),
  timestepRounding: z
    .enum(["exact", "bf16"])
    .default("exact")
    .describe("bf16 rounds timesteps as the original trainer does")
    .meta({ flag: "timestep-rounding" }),
  adaptiveTimesteps: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Share of the timesteps that are drawn where losses are high instead of by the law; 0.3 is usual where wanted; not with discrete",
    )
    .meta({ flag: "adaptive-timesteps" }),
  lossWeighting: z
    .enum(["none", "min-snr", "min-snr-inverse", "table"])
    .default("none")
    .describe(
      "How much a song's loss counts by its timestep: min-snr less near the clean song, min-snr-inverse less near pure noise, or a table",
    )
    .meta({ flag: "loss-weighting" }),
  snrGamma: z
    .number()
    .gt(0)
    .max(1e6)
    .optional()
    .describe("Where min-snr and min-snr-inverse begin to hold the loss down; default: 5")
    .meta({ flag: "snr-gamma" }),
  lossWeightTable: z
    .record(
      z.string().regex(/^(0(\.\d{1,9})?|1(\.0{1,9})?)$/, "a timestep from 0 to 1"),
      z.number().min(0).max(1e6),
    )
    .optional()
    .describe("Weights of the table by timestep, such as 0.2=1,0.8=2: linear between them, constant outside")
    .meta({ flag: "loss-weight-table" }),
  conditionDropout: z
    .number()
    .min(0)
    .max(1)
    .default(0.15)
    .describe("Probability that a song is trained without its caption and lyrics, which guidance needs")
    .meta({ flag: "condition-dropout" }),
  captionDropout: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Probability that a song's caption is left empty; needs tensors preprocessed with --field-dropout",
    )
    .meta({ flag: "caption-dropout" }),
  lyricsDropout: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Probability that a song's lyrics are left empty; needs tensors preprocessed with --field-dropout",
    )
    .meta({ flag: "lyrics-dropout" }),
};
