import { recomputePolicies, type RecomputePolicy } from "@acewright/core-native";
import * as z from "zod";
import { deviceSetting } from "./device-setting.js";
import { schedules } from "./plan/learning-rate.js";
import { AdapterSettings } from "./adapter-settings.js";

const Optimizer = z.strictObject({
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

const Buckets = z.strictObject({
  decoderTokens: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe("Decoder tokens are rounded up to a multiple of this; results do not change")
    .meta({ flag: "bucket-decoder-tokens" }),
  conditionTokens: z
    .int()
    .min(1)
    .max(4096)
    .default(32)
    .describe("Condition tokens are rounded up to a multiple of this; results do not change")
    .meta({ flag: "bucket-condition-tokens" }),
});

const Environment = z
  .strictObject({
    acewright: z.string().describe("Version that trained"),
    device: z.string().describe("cpu or cuda"),
    instructionSet: z.string().describe("Instruction set or architecture of the device"),
    build: z.string().describe("Build of the native core"),
    model: z.string().describe("Fingerprint of the base model"),
    dataset: z.string().describe("Hash of the dataset's tensors"),
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
    output: z.string().min(1).describe("Run folder to write").meta({ flag: "output" }),

    adapter: AdapterSettings.prefault({ kind: "lora" }),
    trigger: z
      .string()
      .max(1000)
      .optional()
      .describe(
        "Word or tag that calls the style, remembered inside the adapter's file; default: the dataset's custom tag",
      )
      .meta({ flag: "trigger" }),

    learningRate: z
      .number()
      .gt(0)
      .max(100)
      .default(1e-4)
      .describe("Peak learning rate")
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
        "custom: the learning rate as a formula of step, total_steps, progress, epoch, total_epochs, steps_per_epoch and base_lr, such as base_lr * 0.5 ** (epoch // 10)",
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
    minLrRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe("Share of the learning rate that cosine and linear end with")
      .meta({ flag: "min-lr-ratio" }),

    epochs: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(100)
      .describe("Times every song is seen")
      .meta({ flag: "epochs" }),
    maxSteps: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe("Stop after this many optimizer steps, even in the middle of an epoch")
      .meta({ flag: "max-steps" }),
    datasetRepeats: z
      .int()
      .min(1)
      .max(10_000)
      .default(1)
      .describe("How often each song stands in an epoch, besides the repeats its dataset gives it")
      .meta({ flag: "dataset-repeats" }),
    batchSize: z
      .int()
      .min(1)
      .max(512)
      .default(1)
      .describe("Songs in one micro-batch")
      .meta({ flag: "batch-size" }),
    gradientAccumulation: z
      .int()
      .min(1)
      .max(4096)
      .default(4)
      .describe("Micro-batches in one optimizer step")
      .meta({ flag: "gradient-accumulation" }),

    cropSeconds: z
      .number()
      .min(0.08)
      .max(3600)
      .optional()
      .describe("Train on random crops of this length in seconds; default: whole songs")
      .meta({ flag: "crop-seconds" }),
    cropFrames: z
      .int()
      .min(2)
      .max(90_000)
      .optional()
      .describe("Train on random crops of this many latent frames of 40 ms; default: whole songs")
      .meta({ flag: "crop-frames" }),

    timesteps: z
      .enum(["logit-normal-max2", "logit-normal", "uniform", "discrete"])
      .default("logit-normal-max2")
      .describe(
        "Law of the timesteps: the larger of two logit-normal draws (as the model was trained), one draw, uniform, or a table",
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
      .describe("Values of the discrete law; default: the eight turbo times at shift 3")
      .meta({ flag: "timestep-table" }),
    timestepRounding: z
      .enum(["exact", "bf16"])
      .default("exact")
      .describe("bf16 rounds timesteps as the original trainer does")
      .meta({ flag: "timestep-rounding" }),
    conditionDropout: z
      .number()
      .min(0)
      .max(1)
      .default(0.15)
      .describe("Probability that a song is trained without its caption and lyrics, which guidance needs")
      .meta({ flag: "condition-dropout" }),

    optimizer: Optimizer.prefault({}).describe("Optimizer and its constants"),
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

    recompute: z
      .enum(["auto", ...recomputePolicies])
      .default("auto")
      .describe(
        "What the backward pass computes again to save memory: nothing, norms and activations, the MLP as well, or whole layers; auto: the fastest that fits the device's free memory; results do not change",
      )
      .meta({ flag: "recompute" }),
    buckets: Buckets.prefault({}).describe("Rounding of shapes, so that few programs serve all songs"),
    padding: z
      .enum(["masked", "official"])
      .default("masked")
      .describe(
        "masked: padding is never trained on; official: padding counts and is attended to, as in the original trainer",
      )
      .meta({ flag: "padding" }),
    device: deviceSetting,
    threads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe("Threads of the CPU device; default: the machine's cores; results do not change")
      .meta({ flag: "threads" }),

    saveEverySteps: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe("Write a checkpoint each time this many steps are done")
      .meta({ flag: "save-every-steps" }),
    saveEveryEpochs: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10)
      .describe("Write a checkpoint each time this many epochs are done")
      .meta({ flag: "save-every-epochs" }),
    keepCheckpoints: z
      .int()
      .min(0)
      .max(100_000)
      .default(3)
      .describe("How many of the newest checkpoints to keep; 0: all")
      .meta({ flag: "keep-checkpoints" }),

    validationFraction: z
      .number()
      .min(0)
      .max(0.9)
      .default(0)
      .describe(
        "Share of the songs held out from training; 0: validate on the training songs with noise of its own",
      )
      .meta({ flag: "validation-fraction" }),
    validationEvery: z
      .int()
      .min(0)
      .max(100_000_000)
      .default(0)
      .describe("Validate before the first step, each time this many steps are done and at the end; 0: never")
      .meta({ flag: "validation-every" }),
    validationDraws: z
      .int()
      .min(1)
      .max(1024)
      .default(4)
      .describe("Fixed noises and timesteps each validation song is judged with")
      .meta({ flag: "validation-draws" }),
    sampleEvery: z
      .int()
      .min(0)
      .max(100_000_000)
      .default(0)
      .describe("Make a song to listen to each time this many steps are done; 0: never")
      .meta({ flag: "sample-every" }),
    logEvery: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1)
      .describe("Steps between two lines of events.jsonl and two points of TensorBoard")
      .meta({ flag: "log-every" }),

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
    if ((config.timestepLow ?? 0) >= (config.timestepHigh ?? 1)) {
      refuse("timestepLow", `must be below timestepHigh (${config.timestepHigh ?? 1})`);
    }
  });

/** A checked configuration with every default filled in. */
export type TrainConfig = z.infer<typeof TrainConfig>;
/** With every choice written out, as in a run's config.json. */
export type ResolvedConfig = TrainConfig & { readonly recompute: RecomputePolicy };
/** What a user may write: everything but `tensors`, `model` and `output` has a default. */
export type TrainConfigInput = z.input<typeof TrainConfig>;
