import type { TrainConfigInput } from "../../src/config/train-config.js";

/** One run of the matrix: what it changes of the toy's short run. */
export interface MatrixRun {
  readonly name: string;
  readonly changes: Partial<TrainConfigInput>;
  /** Goes on from the adapter of another run, which is trained first. */
  readonly continues?: true;
}

/**
 * Twenty runs that between them use every kind of adapter, every optimizer and every feature with a state of its own:
 * whoever adds one of these adds it here.
 */
export const resumeMatrix: readonly MatrixRun[] = [
  {
    name: "LoRA, AdamW, condition, caption and lyrics dropout",
    changes: {
      adapter: { kind: "lora", rank: 4, dropout: 0.2 },
      conditionDropout: 0.3,
      captionDropout: 0.4,
      lyricsDropout: 0.4,
    },
  },
  {
    name: "LoRA, 8-bit AdamW, three micro-batches a step, a regularization set",
    changes: {
      optimizer: { kind: "adamw8bit" },
      gradientAccumulation: 3,
      regularization: "other songs",
      regularizationWeight: 0.5,
    },
  },
  {
    name: "rsLoRA, Adafactor, cosine restarts, packed pairs",
    changes: {
      batchSize: 2,
      padding: "packed",
      gradientAccumulation: 1,
      adapter: { kind: "lora", rank: 8, rsLora: true },
      optimizer: { kind: "adafactor" },
      schedule: "cosine-restarts",
      scheduleRestarts: 3,
    },
  },
  {
    name: "DoRA, Prodigy",
    changes: {
      adapter: { kind: "dora", rank: 4 },
      optimizer: { kind: "prodigy", initialDistance: 1e-3 },
      learningRate: 1,
    },
  },
  {
    name: "DoRA, Lion, polynomial",
    changes: {
      adapter: { kind: "dora", rank: 4, dropout: 0.1 },
      optimizer: { kind: "lion" },
      learningRate: 5e-4,
      schedule: "polynomial",
      schedulePower: 2,
    },
  },
  {
    name: "LoRA, schedule-free AdamW",
    changes: { optimizer: { kind: "schedulefree" }, learningRate: 4e-3 },
  },
  {
    name: "LoRA, Muon, no clipping, averaged weights",
    changes: { optimizer: { kind: "muon" }, maxGradNorm: 0, emaDecay: 0.9 },
  },
  {
    name: "LoKr, min-SNR, best of the averaged weights",
    changes: {
      adapter: { kind: "lokr", rank: 2, rankDropout: 0.1 },
      lossWeighting: "min-snr",
      emaDecay: 0.99,
      validationEvery: 5,
    },
  },
  {
    name: "LoKr with full factors, Lion, linear",
    changes: {
      adapter: { kind: "lokr", rank: 4, fullMatrix: true },
      optimizer: { kind: "lion" },
      schedule: "linear",
    },
  },
  {
    name: "LoKr on directions, schedule-free AdamW",
    changes: {
      adapter: { kind: "lokr", rank: 2, weightDecompose: true },
      optimizer: { kind: "schedulefree" },
    },
  },
  {
    name: "LoHa, 8-bit AdamW, uniform timesteps",
    changes: {
      adapter: { kind: "loha", rank: 2 },
      optimizer: { kind: "adamw8bit" },
      timesteps: "uniform",
      timestepLow: 0.2,
      timestepHigh: 0.9,
    },
  },
  {
    name: "LoHa on directions, Prodigy, inverse min-SNR",
    changes: {
      adapter: { kind: "loha", rank: 2, weightDecompose: true },
      optimizer: { kind: "prodigy", initialDistance: 1e-3 },
      learningRate: 1,
      lossWeighting: "min-snr-inverse",
      snrGamma: 2,
    },
  },
  {
    name: "LoRA with ranks and rates by module, LoRA+",
    changes: {
      adapter: { kind: "lora", rank: 4, rankPattern: { "layers.0.self_attn.q_proj": 8 }, targetMlp: true },
      loraPlusRatio: 8,
      learningRatePattern: { "layers.0.self_attn.q_proj": 2 },
    },
  },
  {
    name: "LoRA, batches padded the official way",
    changes: {
      batchSize: 2,
      padding: "official",
      buckets: { decoderTokens: 16, conditionTokens: 16 },
      cropFrames: undefined,
    },
  },
  {
    name: "LoRA, even crops, songs twice an epoch, adaptive timesteps",
    changes: {
      cropPlacement: "even",
      cropFrames: 10,
      datasetRepeats: 2,
      batchSize: 2,
      adaptiveTimesteps: 0.5,
      timesteps: "logit-normal",
    },
  },
  {
    name: "LoRA, cruise control at a target loss",
    changes: { targetLoss: 1.2, targetLossWarmup: 2, validationEvery: 5 },
  },
  {
    name: "LoRA, best by training loss, early stop",
    changes: { bestBy: "loss", earlyStopPatience: 4, learningRate: 0.05 },
  },
  {
    name: "LoRA, held-out song, best by validation, two checkpoints kept",
    changes: {
      validationFraction: 0.34,
      validationEvery: 4,
      validationDraws: 2,
      keepCheckpoints: 2,
      saveEverySteps: 2,
    },
  },
  {
    name: "LoRA from another run's adapter, a schedule of one's own",
    changes: { schedule: "custom", scheduleFormula: "base_lr * (1 - progress) ** 2" },
    continues: true,
  },
  {
    name: "DoRA on late layers, a table of loss weights, recompute by block, bf16 timesteps",
    changes: {
      adapter: { kind: "dora", rank: 4, layers: "1" },
      lossWeighting: "table",
      lossWeightTable: { 0: 0.5, 1: 2 },
      recompute: "block",
      timestepRounding: "bf16",
    },
  },
];
