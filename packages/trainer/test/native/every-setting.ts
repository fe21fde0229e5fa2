import type { TrainConfigInput } from "../../src/config/train-config.js";

type Changes = Partial<TrainConfigInput>;

/** A setting with another value than its default's, among the settings that make it count. */
export interface SettingInUse {
  readonly change: Changes;
  /** Of both runs. */
  readonly among?: Changes;
}

const lora = { kind: "lora", rank: 4, dropout: 0 } as const;
const lokr = { kind: "lokr", rank: 2 } as const;
const adafactor = { kind: "adafactor" } as const;
const prodigy = { kind: "prodigy" } as const;
/** Bold enough to have an estimate of its own within a few steps. */
const bold = { kind: "prodigy", distanceCoefficient: 100 } as const;
const estimated = { learningRate: 1, schedule: "constant", epochs: 3, maxSteps: 8 } as const;
const muon = { kind: "muon" } as const;
const near = { targetLoss: 3, targetLossWarmup: 0 };
const judged = { validationEvery: 1, validationDraws: 1 };
const onAdapter = (among: TrainConfigInput["adapter"], change: object): SettingInUse => ({
  among: { adapter: among },
  change: { adapter: { ...among, ...change } as TrainConfigInput["adapter"] },
});
const onOptimizer = (among: TrainConfigInput["optimizer"], change: object, more?: Changes): SettingInUse => ({
  among: { optimizer: among, ...more },
  change: { optimizer: { ...among, ...change } },
});

/** Whoever adds a setting adds it here, unless it changes no number of a run. */
export const settingsInUse: Readonly<Record<string, SettingInUse>> = {
  "adapter.kind": { change: { adapter: lokr } },
  "adapter.rank": onAdapter(lora, { rank: 2, alpha: 8 }),
  "adapter.alpha": onAdapter(lora, { alpha: 4 }),
  "adapter.targetModules": onAdapter(lora, { targetModules: ["q_proj"] }),
  "adapter.targetMlp": onAdapter(lora, { targetMlp: true }),
  "adapter.attentionType": onAdapter(lora, { attentionType: "self" }),
  "adapter.layers": onAdapter(lora, { layers: "1" }),
  "adapter.rankPattern": onAdapter(lora, { rankPattern: { "layers.0.self_attn.q_proj": 2 } }),
  "adapter.alphaPattern": onAdapter(lora, { alphaPattern: { "layers.0.self_attn.q_proj": 2 } }),
  "adapter.dropout": onAdapter(lora, { dropout: 0.5 }),
  "adapter.rsLora": onAdapter(lora, { rsLora: true }),
  "adapter.factor": onAdapter(lokr, { factor: 4 }),
  "adapter.decomposeBoth": onAdapter({ ...lokr, factor: 16, rank: 1 }, { decomposeBoth: true }),
  "adapter.fullMatrix": onAdapter(lokr, { fullMatrix: true }),
  "adapter.weightDecompose": onAdapter(lokr, { weightDecompose: true }),
  "adapter.rankDropout": onAdapter(lokr, { rankDropout: 0.5 }),
  "adapter.rankDropoutScale": onAdapter({ ...lokr, rankDropout: 0.5 }, { rankDropoutScale: true }),
  learningRate: { change: { learningRate: 1e-3 } },
  schedule: { change: { schedule: "linear" } },
  scheduleRestarts: { among: { schedule: "cosine-restarts" }, change: { scheduleRestarts: 2 } },
  schedulePower: { among: { schedule: "polynomial" }, change: { schedulePower: 3 } },
  scheduleFormula: {
    among: { schedule: "custom", scheduleFormula: "base_lr" },
    change: { scheduleFormula: "base_lr / 2" },
  },
  warmupSteps: { change: { warmupSteps: 1 } },
  warmupStartFactor: { among: { warmupSteps: 1 }, change: { warmupStartFactor: 0.5 } },
  targetLoss: { among: { targetLossWarmup: 0 }, change: { targetLoss: 3 } },
  targetLossFloor: { among: near, change: { targetLossFloor: 0.5 } },
  targetLossWarmup: { among: near, change: { targetLossWarmup: 2 } },
  targetLossSmoothing: { among: near, change: { targetLossSmoothing: 0.1 } },
  minLrRatio: { change: { minLrRatio: 0.5 } },
  epochs: { among: { maxSteps: undefined }, change: { epochs: 2 } },
  maxSteps: { change: { maxSteps: 2 } },
  datasetRepeats: { change: { datasetRepeats: 2 } },
  batchSize: { change: { batchSize: 2 } },
  gradientAccumulation: { change: { gradientAccumulation: 2 } },
  cropSeconds: { among: { cropFrames: undefined, cropSeconds: 0.64 }, change: { cropSeconds: 0.32 } },
  cropFrames: { change: { cropFrames: 8 } },
  cropPlacement: { change: { cropPlacement: "random" } },
  regularizationRatio: { among: { regularization: "other" }, change: { regularizationRatio: 1 } },
  regularizationWeight: {
    among: { regularization: "other", gradientAccumulation: 2 },
    change: { regularizationWeight: 5 },
  },
  timesteps: { change: { timesteps: "uniform" } },
  timestepMu: { change: { timestepMu: 1 } },
  timestepSigma: { change: { timestepSigma: 0.1 } },
  timestepLow: { among: { timesteps: "uniform" }, change: { timestepLow: 0.5 } },
  timestepHigh: { among: { timesteps: "uniform" }, change: { timestepHigh: 0.5 } },
  timestepTable: { among: { timesteps: "discrete" }, change: { timestepTable: [0.1] } },
  timestepRounding: { change: { timestepRounding: "bf16" } },
  adaptiveTimesteps: { change: { adaptiveTimesteps: 1 } },
  lossWeighting: { change: { lossWeighting: "table", lossWeightTable: { 0: 1, 1: 9 } } },
  snrGamma: { among: { lossWeighting: "min-snr" }, change: { snrGamma: 0.1 } },
  lossWeightTable: {
    among: { lossWeighting: "table", lossWeightTable: { 0.5: 1 } },
    change: { lossWeightTable: { 0: 1, 1: 9 } },
  },
  conditionDropout: { change: { conditionDropout: 1 } },
  captionDropout: { change: { captionDropout: 1 } },
  lyricsDropout: { change: { lyricsDropout: 1 } },
  "optimizer.kind": { change: { optimizer: { kind: "lion" } } },
  "optimizer.beta1": onOptimizer({ kind: "adamw" }, { beta1: 0.5 }),
  "optimizer.beta2": onOptimizer({ kind: "adamw" }, { beta2: 0.5 }),
  "optimizer.epsilon": onOptimizer({ kind: "adamw" }, { epsilon: 1e-2 }),
  "optimizer.weightDecay": onOptimizer({ kind: "adamw" }, { weightDecay: 1 }),
  "optimizer.decayExponent": onOptimizer(adafactor, { decayExponent: -0.3 }),
  "optimizer.clipThreshold": onOptimizer(adafactor, { clipThreshold: 0.1 }),
  "optimizer.squaresEpsilon": onOptimizer(adafactor, { squaresEpsilon: 1e-3 }),
  "optimizer.scaleEpsilon": onOptimizer({ ...adafactor, scaleParameter: true }, { scaleEpsilon: 0.5 }),
  "optimizer.scaleParameter": onOptimizer(adafactor, { scaleParameter: true }),
  "optimizer.relativeStep": onOptimizer(
    adafactor,
    { relativeStep: true },
    { learningRate: 1, schedule: "constant" },
  ),
  "optimizer.initialDistance": onOptimizer(prodigy, { initialDistance: 1e-2 }, estimated),
  "optimizer.distanceCoefficient": onOptimizer(prodigy, { distanceCoefficient: 3 }, estimated),
  "optimizer.growthRate": onOptimizer(bold, { growthRate: 1.001 }, estimated),
  "optimizer.beta3": onOptimizer(bold, { beta3: 0.1 }, estimated),
  "optimizer.safeguardWarmup": onOptimizer(
    bold,
    { safeguardWarmup: false },
    { ...estimated, warmupSteps: 1 },
  ),
  "optimizer.biasCorrection": onOptimizer(prodigy, { biasCorrection: false }, estimated),
  "optimizer.momentum": onOptimizer(muon, { momentum: 0.1 }),
  "optimizer.nesterov": onOptimizer(muon, { nesterov: false }),
  "optimizer.matchAdamw": onOptimizer(muon, { matchAdamw: false }),
  emaDecay: { change: { emaDecay: 0.9 } },
  decayVectors: {
    among: { adapter: { kind: "dora", rank: 2 }, optimizer: { weightDecay: 1 } },
    change: { decayVectors: true },
  },
  learningRatePattern: { change: { learningRatePattern: { "layers.0.self_attn.q_proj": 4 } } },
  loraPlusRatio: { change: { loraPlusRatio: 8 } },
  maxGradNorm: { change: { maxGradNorm: 1e-4 } },
  seed: { change: { seed: 7 } },
  "buckets.decoderTokens": {
    among: { cropFrames: undefined, batchSize: 2, datasetRepeats: 2 },
    change: { buckets: { decoderTokens: 8 } },
  },
  "buckets.conditionTokens": {
    among: { batchSize: 2, datasetRepeats: 2, captionDropout: 0.5 },
    change: { buckets: { conditionTokens: 1 } },
  },
  padding: { among: { cropFrames: undefined, batchSize: 3 }, change: { padding: "official" } },
  validationFraction: { among: judged, change: { validationFraction: 0.34 } },
  validationEvery: { among: { validationDraws: 1 }, change: { validationEvery: 2 } },
  validationDraws: { among: judged, change: { validationDraws: 2 } },
  bestBy: { among: judged, change: { bestBy: "never" } },
  bestAfterEpochs: { among: judged, change: { bestAfterEpochs: 1 } },
  minImprovement: { among: judged, change: { minImprovement: 100 } },
  earlyStopPatience: { among: { ...judged, minImprovement: 100 }, change: { earlyStopPatience: 1 } },
};

/**
 * Settings that decide whether a run begins, what it begins with or, on a GPU, by which algorithms its products are computed,
 * each held by a test of its own.
 */
export const settledBefore = ["foreignTensors", "ignoreFisherMap", "from", "trigger", "tuneProducts"];

/** Settings that change what is looked at, and how, but no number. */
export const lookedAt: readonly Changes[] = [
  { threads: 1 },
  { recompute: "none" },
  { recompute: "block" },
  { recompute: "mlp:3" },
  { logEvery: 2, logHeavyEvery: 1 },
  { saveEverySteps: 1, keepCheckpoints: 1 },
];
