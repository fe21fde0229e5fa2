import type { RecomputePolicy } from "@acewright/core-native";
import * as z from "zod";
import { AdapterSettings } from "./adapter-settings.js";
import { epochFields } from "./epochs.js";
import { learningRateFields } from "./learning-rate.js";
import { machineFields } from "./machine.js";
import { objectiveFields } from "./objective.js";
import { defaultLearningRates, optimizerFields } from "./optimizer.js";
import { watchingFields } from "./watching.js";

const Environment = z
  .strictObject({
    acewright: z.string().describe("Version that trained"),
    device: z.string().describe("cpu or cuda"),
    instructionSet: z.string().describe("Instruction set or architecture of the device"),
    build: z.string().describe("Build of the native core"),
    model: z.string().describe("Fingerprint of the base model"),
    dataset: z.string().describe("Hash of the dataset's tensors"),
    from: z.string().optional().describe("SHA-256 of the adapter that training went on from"),
    algorithms: z
      .string()
      .optional()
      .describe("CUDA: the algorithm of each matrix product met, taken again by a rerun and a resume"),
  })
  .describe(
    "Written by a run into its config.json: a rerun that promises the same bits is refused where one of these differs",
  );

/**
 * Everything a training run is decided by. Types, defaults, bounds and words stand here once; flags, help, the JSON
 * schema and the docs are derived. `meta.flag` is the name of the command line's flag.
 */
export const TrainConfig = z
  .strictObject({
    tensors: z.string().min(1).describe("Folder of preprocessed tensors").meta({ flag: "tensors" }),
    model: z
      .string()
      .min(1)
      .describe("Folder of the base model's checkpoint (config.json and safetensors)")
      .meta({ flag: "model" }),
    foreignTensors: z
      .boolean()
      .default(false)
      .describe("Train on tensors that another checkpoint's condition encoder made")
      .meta({ flag: "foreign-tensors" }),
    ignoreFisherMap: z
      .boolean()
      .default(false)
      .describe("Leave the modules and ranks aside that `acewright estimate` wrote beside the tensors")
      .meta({ flag: "ignore-fisher-map" }),
    output: z.string().min(1).describe("Run folder to write").meta({ flag: "output" }),

    adapter: AdapterSettings.prefault({ kind: "lora" }),
    from: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Go on training this adapter (a run, or a folder or file of any layout, of the same kind, rank, alpha and targets) with a fresh optimizer; default: a fresh adapter",
      )
      .meta({ flag: "from" }),
    trigger: z
      .string()
      .max(1000)
      .optional()
      .describe(
        "Word or tag that calls the style, remembered inside the adapter's file; default: the dataset's custom tag",
      )
      .meta({ flag: "trigger" }),

    ...learningRateFields,
    ...epochFields,
    ...objectiveFields,

    ...optimizerFields,
    maxGradNorm: z
      .number()
      .min(0)
      .max(1e6)
      .default(1)
      .describe("Global L2 norm the gradient is clipped to; 0: no clipping")
      .meta({ flag: "max-grad-norm" }),
    seed: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .default(42)
      .describe("Seed of everything random")
      .meta({ flag: "seed" }),

    ...machineFields,
    ...watchingFields,

    environment: Environment.optional(),
  })
  .superRefine((config, context) => {
    const refuse = (path: string, message: string) => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    if (config.cropSeconds !== undefined && config.cropFrames !== undefined) {
      refuse("cropFrames", "cannot be given together with cropSeconds; keep one of the two");
    }
    if ((config.schedule === "custom") !== (config.scheduleFormula !== undefined)) {
      refuse("scheduleFormula", 'goes with schedule "custom", and each needs the other');
    }
    if (config.targetLoss !== undefined && config.earlyStopPatience > 0) {
      refuse("earlyStopPatience", "cannot be combined with targetLoss, which holds the loss where it is");
    }
    if (config.bestBy === "validation" && config.validationEvery === 0) {
      refuse("bestBy", "validation needs validationEvery");
    }
    if (config.earlyStopPatience > 0 && bestCriterion(config) === "never") {
      refuse("earlyStopPatience", "needs validationEvery, or bestBy loss");
    }
    if (config.emaDecay > 0 && config.optimizer.kind === "schedulefree") {
      refuse(
        "emaDecay",
        "cannot be combined with optimizer.kind schedulefree, which keeps an average of its own",
      );
    }
    const { adapter } = config;
    if ("rankDropout" in adapter && adapter.rankDropout > 0 && adapter.weightDecompose) {
      refuse("adapter.rankDropout", "cannot be combined with adapter.weightDecompose; choose one");
    }
    const laws = {
      timestepMu: ["logit-normal-max2", "logit-normal"],
      timestepSigma: ["logit-normal-max2", "logit-normal"],
      timestepLow: ["uniform"],
      timestepHigh: ["uniform"],
      timestepTable: ["discrete"],
    } as const;
    for (const [field, of] of Object.entries(laws)) {
      if (config[field as keyof typeof laws] === undefined) continue;
      if (!(of as readonly string[]).includes(config.timesteps)) {
        refuse(field, `belongs to timesteps ${of.join(" and ")}, but timesteps is ${config.timesteps}`);
      }
    }
    if (config.adaptiveTimesteps > 0 && config.timesteps === "discrete") {
      refuse(
        "adaptiveTimesteps",
        "cannot be combined with timesteps discrete, whose few values are all the model knows",
      );
    }
    if ((config.lossWeighting === "table") !== (config.lossWeightTable !== undefined)) {
      refuse("lossWeightTable", 'goes with lossWeighting "table", and each needs the other');
    }
    if (config.lossWeightTable !== undefined) {
      const times = Object.keys(config.lossWeightTable).map(Number);
      if (times.length === 0) refuse("lossWeightTable", "needs at least one timestep");
      if (new Set(times).size < times.length) refuse("lossWeightTable", "gives a timestep twice");
    }
    if (config.snrGamma !== undefined && !config.lossWeighting.startsWith("min-snr")) {
      refuse(
        "snrGamma",
        `belongs to lossWeighting min-snr and min-snr-inverse, but lossWeighting is ${config.lossWeighting}`,
      );
    }
    if ((config.timestepLow ?? 0) >= (config.timestepHigh ?? 1)) {
      refuse("timestepLow", `must be below timestepHigh (${config.timestepHigh ?? 1})`);
    }
    if (config.loraPlusRatio !== 1 && adapter.kind !== "lora" && adapter.kind !== "dora") {
      refuse("loraPlusRatio", `belongs to adapters lora and dora, but adapter.kind is ${adapter.kind}`);
    }
  })
  .transform((config) => ({
    ...config,
    learningRate: config.learningRate ?? defaultLearningRates[config.optimizer.kind],
  }));

/** What decides the best adapter once `auto` is resolved. */
export function bestCriterion(
  config: Pick<TrainConfig, "bestBy" | "validationEvery">,
): "validation" | "loss" | "never" {
  if (config.bestBy !== "auto") return config.bestBy;
  return config.validationEvery > 0 ? "validation" : "never";
}

/** A checked configuration with every default filled in. */
export type TrainConfig = z.infer<typeof TrainConfig>;
/** With every choice written out, as in a run's config.json. */
export type ResolvedConfig = TrainConfig & { readonly recompute: RecomputePolicy };
/** What a user may write: everything but `tensors`, `model` and `output` has a default. */
export type TrainConfigInput = z.input<typeof TrainConfig>;
